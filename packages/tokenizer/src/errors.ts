const BRAND = Symbol.for('pocketlens.error');

/** What an error of this package can carry besides its message. */
export interface ErrorOptionsWithContext {
  /** The failure underneath, kept for logs. */
  readonly cause?: unknown;
  /** The next step for the reader, in one sentence. */
  readonly hint?: string;
  /** Facts by name, for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Base of all errors of this package; recognisable across packages by `Symbol.for('pocketlens.error')`. */
export class PocketlensError extends Error {
  readonly code: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: ErrorOptionsWithContext = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.details !== undefined) this.details = options.details;
  }
}

export type TokenizerErrorCode =
  /** A vocabulary or configuration file is not what its format asks for. */
  | 'TOKENIZER_FORMAT'
  /** A directory holds no tokenizer file. */
  | 'TOKENIZER_NOT_FOUND'
  /** An id that no token has. */
  | 'TOKEN_ID_RANGE'
  /** A special token that this tokenizer does not have. */
  | 'SPECIAL_TOKEN_UNKNOWN'
  /** Text held a special token where none is allowed. */
  | 'SPECIAL_TOKEN_IN_TEXT'
  /** A chat template is missing, is no Jinja, or refused the messages. */
  | 'CHAT_TEMPLATE'
  /** The optional package `@huggingface/jinja` is not installed. */
  | 'JINJA_MISSING';

/** A tokenizer could not be loaded, or was asked for a token that it does not have. */
export class TokenizerError extends PocketlensError {
  declare readonly code: TokenizerErrorCode;

  constructor(code: TokenizerErrorCode, message: string, options?: ErrorOptionsWithContext) {
    super(code, message, options);
    this.name = 'TokenizerError';
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
