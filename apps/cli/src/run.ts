import { CommanderError } from 'commander';
import { describeError, ExitCode, exitCodeOf, FailedCheck, UsageError } from './errors.js';
import type { CliIo } from './io.js';
import { writeJson } from './io.js';
import { createProgram } from './program.js';

/** Commander has already printed help or version when it throws one of these. */
const PRINTED = new Set(['commander.helpDisplayed', 'commander.help', 'commander.version']);

function asOurs(thrown: unknown): unknown {
  if (!(thrown instanceof CommanderError)) return thrown;
  const [message = '', suggestion] = thrown.message.replace(/^error: /, '').split('\n');
  return new UsageError(
    message,
    suggestion?.replace(/^\((.*)\)$/, '$1') ?? 'pocketlens --help lists commands and options.',
  );
}

async function report(thrown: unknown, io: CliIo, json: boolean): Promise<number> {
  const code = exitCodeOf(thrown, io.signal);
  const error = code === ExitCode.interrupted ? { code: 'ABORTED', message: 'interrupted' } : describeError(thrown);
  if (json) await writeJson(io.stdout, { error });
  if (code === ExitCode.interrupted) return code;
  io.stderr.write(`error: ${error.message}\n`);
  if ('hint' in error && error.hint !== undefined) io.stderr.write(`       ${error.hint}\n`);
  if (io.env['POCKETLENS_DEBUG'] && thrown instanceof Error) io.stderr.write(`${thrown.stack}\n`);
  return code;
}

/**
 * Runs one command.
 *
 * @param args - the words after the program's name
 * @returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  const end = args.indexOf('--');
  const json = (end < 0 ? args : args.slice(0, end)).includes('--json');
  try {
    const program = createProgram(io);
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.done;
  } catch (error) {
    if (error instanceof CommanderError && PRINTED.has(error.code))
      return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
    if (error instanceof FailedCheck) return ExitCode.failed;
    return report(asOurs(error), io, json);
  }
}
