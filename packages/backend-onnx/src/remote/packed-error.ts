import {
  BackendError,
  DisposedError,
  InvalidArgumentError,
  isPocketlensError,
  ModelFormatError,
  PocketlensError,
} from '@pocketlens/backend';
import type { BackendErrorCode, ErrorOptionsWithContext, ModelFormatErrorCode } from '@pocketlens/backend';

/** An error as plain data, which can cross threads. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly isRetryable?: boolean;
  readonly cause?: PackedError;
}

/** A chain of causes is cut here: it may be circular. */
const MAX_CAUSES = 8;

/** Takes an error apart. What is thrown and is no error becomes one. */
export function packError(error: unknown, causesLeft: number = MAX_CAUSES): PackedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const cause = error.cause === undefined || causesLeft === 0 ? undefined : packError(error.cause, causesLeft - 1);
  const code: unknown = Reflect.get(error, 'code');
  return {
    name: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(typeof code === 'string' ? { code } : {}),
    ...(isPocketlensError(error) ? packContext(error) : {}),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** Puts an error together again: same class, code, message, hint, details and causes. */
export function unpackError(packed: PackedError): Error {
  const { name, message, code, hint, details, isRetryable } = packed;
  const cause = packed.cause === undefined ? undefined : unpackError(packed.cause);
  const options: ErrorOptionsWithContext = {
    ...(cause === undefined ? {} : { cause }),
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
    ...(isRetryable === undefined ? {} : { isRetryable }),
  };
  // The codes were typed where the error was made; the name says by which class.
  switch (name) {
    case 'BackendError':
      return withStack(new BackendError(code as BackendErrorCode, message, options), packed);
    case 'ModelFormatError':
      return withStack(new ModelFormatError(code as ModelFormatErrorCode, message, options), packed);
    case 'InvalidArgumentError':
      return withStack(new InvalidArgumentError(code as InvalidArgumentError['code'], message, options), packed);
    case 'DisposedError':
      return withStack(new DisposedError(message.replace(/ is disposed$/, '')), packed);
    default:
      return withStack(foreignError(packed, options), packed);
  }
}

function packContext(error: PocketlensError): Partial<PackedError> {
  return {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.details === undefined ? {} : { details: plain(error.details) }),
    isRetryable: error.isRetryable,
  };
}

/** Details that cannot be copied to another thread (functions, handles) are told as text. */
function plain(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const copy = (value: unknown): unknown => {
    try {
      return structuredClone(value);
    } catch {
      return String(value);
    }
  };
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, copy(value)]));
}

function foreignError({ name, message, code, isRetryable }: PackedError, options: ErrorOptionsWithContext): Error {
  // Only errors of this brand say whether they are retryable.
  const error =
    isRetryable === undefined
      ? new Error(message, options.cause === undefined ? undefined : { cause: options.cause })
      : new PocketlensError(code ?? 'UNKNOWN', message, options);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (isRetryable === undefined && code !== undefined) Object.assign(error, { code });
  return error;
}

function withStack<E extends Error>(error: E, { stack }: PackedError): E {
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return error;
}
