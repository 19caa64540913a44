const BRAND = Symbol.for('pocketlens.error');

/** What every Pocketlens error can carry besides its message. */
export interface ErrorContext {
  /** The failure underneath, kept for logs. */
  readonly cause?: unknown;
  /** The next step for the reader, in one sentence. */
  readonly hint?: string;
  /** Facts by name, for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Base of the converter's errors; recognisable across packages by `Symbol.for('pocketlens.error')`. */
export class PocketlensError extends Error {
  readonly code: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = 'PocketlensError';
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    if (context.hint !== undefined) this.hint = context.hint;
    if (context.details !== undefined) this.details = context.details;
  }
}

export type ModelFormatErrorCode =
  | 'MODEL_HEADER'
  | 'MODEL_TENSOR_BOUNDS'
  | 'MODEL_DTYPE'
  | 'MODEL_EXTERNAL_PATH'
  | 'MODEL_SHARD'
  | 'MODEL_VERSION'
  | 'MODEL_CONFIG';

/** A checkpoint or a model directory is not what its format asks for. */
export class ModelFormatError extends PocketlensError {
  declare readonly code: ModelFormatErrorCode;

  constructor(code: ModelFormatErrorCode, message: string, context?: ErrorContext) {
    super(code, message, context);
    this.name = 'ModelFormatError';
  }
}

export type InvalidArgumentErrorCode = 'ARGUMENT_TYPE' | 'ARGUMENT_RANGE';

/** An argument has the wrong type or lies outside its range. */
export class InvalidArgumentError extends PocketlensError {
  declare readonly code: InvalidArgumentErrorCode;

  constructor(code: InvalidArgumentErrorCode, message: string, context?: ErrorContext) {
    super(code, message, context);
    this.name = 'InvalidArgumentError';
  }
}

export type OutputErrorCode = 'DISK_FULL' | 'OUTPUT_UNWRITABLE' | 'OUTPUT_LOCKED';

/** The output cannot be written: no space, no permission, another process at work. */
export class OutputError extends PocketlensError {
  declare readonly code: OutputErrorCode;

  constructor(code: OutputErrorCode, message: string, context?: ErrorContext) {
    super(code, message, context);
    this.name = 'OutputError';
  }
}

/** The caller's signal ended the work; `cause` is the signal's reason. */
export class AbortError extends PocketlensError {
  declare readonly code: 'ABORTED';

  constructor(signal: AbortSignal, context: Omit<ErrorContext, 'cause'> = {}) {
    super('ABORTED', 'the operation was aborted', { ...context, cause: signal.reason });
    this.name = 'AbortError';
  }
}

/** Throws `AbortError` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AbortError(signal);
}

/** The `code` of a Node.js system error, such as `ENOENT`. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
