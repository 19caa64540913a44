import { createRequire } from 'node:module';
import { Command } from 'commander';
import { askCommand } from './commands/ask.js';
import { benchCommand } from './commands/bench.js';
import { chatCommand } from './commands/chat.js';
import { convertCommand } from './commands/convert.js';
import { detokenizeCommand } from './commands/detokenize.js';
import { doctorCommand } from './commands/doctor.js';
import { evalCommand } from './commands/eval.js';
import { inspectCommand } from './commands/inspect.js';
import { preprocessCommand } from './commands/preprocess.js';
import { pullCommand } from './commands/pull.js';
import { sliceCommand } from './commands/slice.js';
import { tokenizeCommand } from './commands/tokenize.js';
import { workerCommand } from './commands/worker.js';
import type { CliIo } from './io.js';

type CommandFactory = (io: CliIo) => Command;

const COMMANDS: readonly CommandFactory[] = [
  askCommand,
  chatCommand,
  sliceCommand,
  preprocessCommand,
  tokenizeCommand,
  detokenizeCommand,
  pullCommand,
  convertCommand,
  inspectCommand,
  evalCommand,
  workerCommand,
  benchCommand,
  doctorCommand,
];

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const EXAMPLES = `
Examples:
  pocketlens ask receipt.jpg -p "What is the total?"
  pocketlens chat photo.jpg
  pocketlens slice photo.jpg --preview grid.png
  pocketlens pull openbmb/MiniCPM-Llama3-V-2_5
  pocketlens convert ./MiniCPM-Llama3-V-2_5 ./model --dtype fp16

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. The answer goes to stdout, everything else to stderr.`;

/** The whole command line, ready to parse; never ends the process by itself. */
export function createProgram(io: CliIo): Command {
  const program = new Command('pocketlens')
    .description('Asks questions about pictures, on this machine, without a network.')
    .version(version)
    .addHelpText('after', EXAMPLES);
  for (const create of COMMANDS) program.addCommand(create(io));
  configure(program, io);
  return program;
}

/** Makes a command and those below it throw instead of ending the process, and write to our streams. */
function configure(command: Command, io: CliIo): void {
  command.exitOverride().showSuggestionAfterError();
  command.configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: (text) => void io.stderr.write(text),
    // Failures are reported in one place, by `runCli`.
    outputError: () => {},
    getOutHelpWidth: () => io.stdout.columns ?? 100,
    getOutHasColors: () => io.stdout.isTTY === true,
  });
  for (const child of command.commands) configure(child, io);
}

/** Names of all commands. */
export const commandNames: readonly string[] = COMMANDS.map((create) =>
  create({
    stdin: { async *[Symbol.asyncIterator]() {} },
    stdout: { write: () => true, once: () => {} },
    stderr: { write: () => true, once: () => {} },
    env: {},
    signal: new AbortController().signal,
  }).name(),
);
