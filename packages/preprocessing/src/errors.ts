const BRAND = Symbol.for('pocketlens.error');

/** What an error of this package can carry besides its message. */
export interface ErrorOptionsWithContext {
  /** The failure underneath, kept for logs. */
  readonly cause?: unknown;
  /** The next step for the reader, in one sentence. */
  readonly hint?: string | undefined;
  /** Facts by name, for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Base of all errors of this package; recognisable across packages by `Symbol.for('pocketlens.error')`. */
export class PocketlensError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: ErrorOptionsWithContext = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.details !== undefined) this.details = options.details;
  }
}

/** Says whether a value is an error of any Pocketlens package, however many copies of it are installed. */
export const isPocketlensError = (value: unknown): value is PocketlensError =>
  value instanceof Error && Reflect.get(value, BRAND) === true;

/** Why a picture is refused. */
export type InvalidImageErrorCode =
  | 'IMAGE_EMPTY'
  | 'IMAGE_FORMAT'
  | 'IMAGE_TRUNCATED'
  | 'IMAGE_TOO_LARGE'
  | 'IMAGE_ASPECT_RATIO'
  | 'IMAGE_NOT_FOUND'
  | 'IMAGE_NOT_A_FILE'
  | 'IMAGE_UNREADABLE';

/** A picture that cannot be read: missing, empty, of another format, damaged or too large. */
export class InvalidImageError extends PocketlensError<InvalidImageErrorCode> {}

/** An argument of the wrong type, or outside its range. */
export class InvalidArgumentError extends PocketlensError<'ARGUMENT_TYPE' | 'ARGUMENT_RANGE'> {}

/** No decoder for this format is present here: in Node, the optional package `sharp` is not installed. */
export class ImageDecoderMissingError extends PocketlensError<'IMAGE_DECODER_MISSING'> {
  constructor(message: string, options?: ErrorOptionsWithContext) {
    super('IMAGE_DECODER_MISSING', message, options);
  }
}

/** The caller's signal was aborted; its reason is the `cause`. */
export class AbortError extends PocketlensError<'ABORTED'> {
  constructor(reason: unknown) {
    super('ABORTED', 'The operation was aborted', { cause: reason });
  }
}

/** Throws an AbortError if the signal is aborted. */
export const throwIfAborted = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted === true) throw new AbortError(signal.reason);
};

/**
 * Checks a whole number.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` unless `value` is an integer of at least `minimum`
 */
export const assertInteger = (name: string, value: unknown, minimum: number): void => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum) return;
  const received = `${String(value)} of type ${typeof value}`;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `Expected an integer of at least ${minimum} for ${name} but received ${received}`,
    { details: { name, value, minimum } },
  );
};
