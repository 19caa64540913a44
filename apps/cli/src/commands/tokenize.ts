import type { Tokenizer } from '@pocketlens/tokenizer';
import { Command } from 'commander';
import { CliError, UsageError } from '../errors.js';
import { type CliIo, write, writeJson } from '../io.js';
import { mapJsonLines, readText } from '../jsonl.js';
import { loadTokenizer, specialPolicy } from '../tokenizer-options.js';

interface TokenizeOptions {
  readonly tokenizer?: string;
  readonly bos?: true;
  readonly special?: true;
  readonly jsonl?: true;
  readonly json?: true;
}

function encodeLines(tokenizer: Tokenizer, options: TokenizeOptions, io: CliIo): Promise<void> {
  return mapJsonLines(io, (value, line) => {
    const { text } = value;
    if (typeof text !== 'string')
      throw new CliError('JSON_LINE', `Expected a string "text" on line ${line} of standard input`);
    const special = specialPolicy(value['special'] ?? options.special, line);
    const bos = value['bos'] === undefined ? options.bos === true : value['bos'] === true;
    return { ids: tokenizer.encode(text, { special, bos }) };
  });
}

async function run(given: string | undefined, options: TokenizeOptions, io: CliIo): Promise<void> {
  if (options.jsonl === true) {
    if (given !== undefined)
      throw new UsageError('With --jsonl the texts come from standard input, not from an argument');
    return encodeLines(await loadTokenizer(options.tokenizer), options, io);
  }
  if (given === undefined && io.stdin.isTTY === true) {
    throw new UsageError('missing text', 'For example: pocketlens tokenize "Hello world"');
  }
  const text = given ?? (await readText(io.stdin));
  const tokenizer = await loadTokenizer(options.tokenizer);
  const special = options.special === true ? 'allow' : 'text';
  const ids = await tokenizer.encodeAsync(text, { special, bos: options.bos === true, signal: io.signal });
  return options.json === true ? writeJson(io.stdout, { ids }) : write(io.stdout, `${ids.join(' ')}\n`);
}

/** `pocketlens tokenize`: text to token ids. */
export function tokenizeCommand(io: CliIo): Command {
  return new Command('tokenize')
    .description('turn text into token ids')
    .argument('[text]', 'text (default: all of standard input)')
    .option('--tokenizer <path>', 'model directory or tokenizer file (default: the Llama 3 vocabulary)')
    .option('--bos', 'begin with <|begin_of_text|>')
    .option('--special', 'special tokens written in the text become control tokens')
    .option('--jsonl', 'lines {"text", "special"?, "bos"?} on standard input, lines {"ids"} on standard output')
    .option('--json', 'print {"ids"}')
    .action((text: string | undefined, options: TokenizeOptions) => run(text, options, io));
}
