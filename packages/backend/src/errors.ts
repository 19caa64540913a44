const BRAND = Symbol.for('pocketlens.error');

/** What every Pocketlens error can carry besides its message. */
export interface ErrorOptionsWithContext {
  /** The failure underneath, kept for logs. */
  readonly cause?: unknown;
  /** The next step for the reader, in one sentence. */
  readonly hint?: string;
  /** Facts by name, for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** True when the same call may succeed later. */
  readonly isRetryable?: boolean;
}

/** Base of all errors of the backend contract; recognisable across packages by `Symbol.for('pocketlens.error')`. */
export class PocketlensError extends Error {
  readonly code: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly isRetryable: boolean;

  constructor(code: string, message: string, options: ErrorOptionsWithContext = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    this.isRetryable = options.isRetryable ?? false;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.details !== undefined) this.details = options.details;
  }
}

/** Says whether a value is an error of any Pocketlens package, however many copies of it are installed. */
export function isPocketlensError(value: unknown): value is PocketlensError {
  return value instanceof Error && Reflect.get(value, BRAND) === true;
}

export type BackendErrorCode =
  | 'BACKEND_MISSING'
  | 'BACKEND_UNSUPPORTED'
  | 'BACKEND_DEVICE_LOST'
  | 'BACKEND_FAILED'
  | 'SEQUENCE_BUSY'
  | 'SEQUENCE_FULL';

/** An engine is absent, cannot do what was asked, or failed while doing it. */
export class BackendError extends PocketlensError {
  declare readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string, options?: ErrorOptionsWithContext) {
    super(code, message, options);
    this.name = 'BackendError';
  }
}

export type ModelFormatErrorCode =
  | 'MODEL_FILE_MISSING'
  | 'MODEL_FILE_SIZE'
  | 'MODEL_CHECKSUM'
  | 'MODEL_MANIFEST'
  | 'MODEL_CONFIG'
  | 'MODEL_HEADER'
  | 'MODEL_TENSOR_BOUNDS'
  | 'MODEL_EXTERNAL_PATH'
  | 'MODEL_VERSION'
  | 'MODEL_DTYPE';

/** A file of a model directory is missing, cut, altered, or not what the format asks for. */
export class ModelFormatError extends PocketlensError {
  declare readonly code: ModelFormatErrorCode;

  constructor(code: ModelFormatErrorCode, message: string, options?: ErrorOptionsWithContext) {
    super(code, message, options);
    this.name = 'ModelFormatError';
  }
}

/** An argument has the wrong type or lies outside its range. */
export class InvalidArgumentError extends PocketlensError {
  declare readonly code: 'ARGUMENT_TYPE' | 'ARGUMENT_RANGE';

  constructor(code: 'ARGUMENT_TYPE' | 'ARGUMENT_RANGE', message: string, options?: ErrorOptionsWithContext) {
    super(code, message, options);
    this.name = 'InvalidArgumentError';
  }
}

/** A model, sequence or session was used after `dispose()`, or disposed while it worked. */
export class DisposedError extends PocketlensError {
  declare readonly code: 'DISPOSED';

  constructor(what: string) {
    super('DISPOSED', `${what} is disposed`, { hint: 'Open a new one.' });
    this.name = 'DisposedError';
  }
}

/** The caller's signal ended the work; `cause` is the signal's reason. */
export class AbortError extends PocketlensError {
  declare readonly code: 'ABORTED';

  constructor(signal: AbortSignal) {
    super('ABORTED', 'the operation was aborted', { cause: signal.reason });
    this.name = 'AbortError';
  }
}

/** Throws `AbortError` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AbortError(signal);
}
