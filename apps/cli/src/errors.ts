import { getSystemErrorMap } from 'node:util';

/** What the exit status of the process tells. */
export const ExitCode = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

const BRAND = Symbol.for('pocketlens.error');

interface ErrorContext {
  readonly hint?: string;
  readonly cause?: unknown;
}

/** A failure that the command line itself finds. */
export class CliError extends Error {
  readonly code: string;
  readonly hint?: string;

  constructor(code: string, message: string, { hint, cause }: ErrorContext = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CliError';
    this.code = code;
    if (hint !== undefined) this.hint = hint;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** The command was written wrongly: exit status 2. */
export class UsageError extends CliError {
  constructor(message: string, hint?: string) {
    super('USAGE', message, hint === undefined ? {} : { hint });
    this.name = 'UsageError';
  }
}

/** A check has failed and its report is already written: exit status 1 without another word. */
export class FailedCheck extends Error {
  override readonly name = 'FailedCheck';
}

/** An error as people and programs are told about it. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

const isSystemError = (error: Error): error is NodeJS.ErrnoException & { errno: number; code: string } =>
  typeof (error as NodeJS.ErrnoException).errno === 'number' &&
  typeof (error as NodeJS.ErrnoException).code === 'string';

function describeSystemError(error: NodeJS.ErrnoException & { errno: number; code: string }): ErrorReport {
  const words = getSystemErrorMap().get(error.errno)?.[1] ?? error.message;
  return { code: error.code, message: error.path === undefined ? words : `${error.path}: ${words}` };
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ').trim();

/** Some messages end with their hint, for readers who see nothing else. */
function withoutHint(message: string, hint: unknown): string {
  const at = typeof hint === 'string' && hint !== '' ? message.lastIndexOf(oneLine(hint)) : -1;
  return at > 0 ? message.slice(0, at).replace(/[.:;]?\s*$/, '') : message;
}

/** Turns whatever was thrown into one code, one line and, where there is one, a next step. */
export function describeError(thrown: unknown): ErrorReport {
  if (!(thrown instanceof Error)) return { code: 'INTERNAL', message: oneLine(String(thrown)) };
  const { code, hint } = thrown as { code?: unknown; hint?: unknown };
  if (BRAND in thrown && typeof code === 'string') {
    const message = withoutHint(oneLine(thrown.message), hint);
    return typeof hint === 'string' ? { code, message, hint: oneLine(hint) } : { code, message };
  }
  if (isSystemError(thrown)) return describeSystemError(thrown);
  return {
    code: 'INTERNAL',
    message: oneLine(thrown.message),
    hint: 'Set POCKETLENS_DEBUG=1 to see where it happened.',
  };
}

/** The exit status that belongs to a failure. */
export function exitCodeOf(thrown: unknown, signal: AbortSignal): number {
  if (signal.aborted) return ExitCode.interrupted;
  const { code } = describeError(thrown);
  if (code === 'ABORTED') return ExitCode.interrupted;
  return code === 'USAGE' || code.startsWith('ARGUMENT_') ? ExitCode.usage : ExitCode.failed;
}
