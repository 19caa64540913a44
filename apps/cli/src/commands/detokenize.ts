import { Command } from 'commander';
import { CliError, UsageError } from '../errors.js';
import { type CliIo, write, writeJson } from '../io.js';
import { mapJsonLines, readText } from '../jsonl.js';
import { loadTokenizer } from '../tokenizer-options.js';

interface DetokenizeOptions {
  readonly tokenizer?: string;
  readonly skipSpecial?: true;
  readonly jsonl?: true;
  readonly json?: true;
}

function idsOf(value: unknown, line: number): number[] {
  if (Array.isArray(value) && value.every((id): id is number => Number.isInteger(id))) return value;
  throw new CliError('JSON_LINE', `Expected a list of whole numbers "ids" on line ${line} of standard input`);
}

function parseIds(words: readonly string[]): number[] {
  return words.map((word) => {
    if (!/^\d+$/.test(word)) throw new UsageError(`Expected token ids as whole numbers but received "${word}"`);
    return Number(word);
  });
}

async function run(given: readonly string[], options: DetokenizeOptions, io: CliIo): Promise<void> {
  const skipSpecial = options.skipSpecial === true;
  if (options.jsonl === true) {
    if (given.length > 0) throw new UsageError('With --jsonl the ids come from standard input, not from arguments');
    const tokenizer = await loadTokenizer(options.tokenizer);
    return mapJsonLines(io, (value, line) => ({
      text: tokenizer.decode(idsOf(value['ids'], line), { skipSpecial: value['skipSpecial'] === true || skipSpecial }),
    }));
  }
  if (given.length === 0 && io.stdin.isTTY === true) {
    throw new UsageError('missing ids', 'For example: pocketlens detokenize 9906 1917');
  }
  const words = (given.length > 0 ? given : [await readText(io.stdin)]).flatMap((word) => word.split(/[\s,[\]]+/));
  const ids = parseIds(words.filter((word) => word !== ''));
  const text = (await loadTokenizer(options.tokenizer)).decode(ids, { skipSpecial });
  return options.json === true ? writeJson(io.stdout, { text }) : write(io.stdout, `${text}\n`);
}

/** `pocketlens detokenize`: token ids to text. */
export function detokenizeCommand(io: CliIo): Command {
  return new Command('detokenize')
    .description('turn token ids into text')
    .argument('[id...]', 'token ids (default: all of standard input)')
    .option('--tokenizer <path>', 'model directory or tokenizer file (default: the Llama 3 vocabulary)')
    .option('--skip-special', 'leave special tokens out')
    .option('--jsonl', 'lines {"ids", "skipSpecial"?} on standard input, lines {"text"} on standard output')
    .option('--json', 'print {"text"}')
    .action((ids: string[], options: DetokenizeOptions) => run(ids, options, io));
}
