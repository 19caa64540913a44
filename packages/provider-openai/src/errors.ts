const BRAND = Symbol.for('pocketlens.error');

/** What every error of this package can carry besides its message. */
export interface ProviderErrorOptions {
  readonly cause?: unknown;
  /** The next step for the reader, in one sentence. */
  readonly hint?: string;
  /** Facts by name, for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** True when the same call may succeed later. */
  readonly isRetryable?: boolean;
}

/**
 * - `PROVIDER_URL`: the base URL cannot be used
 * - `PROVIDER_IMAGE`: a picture that cannot be sent
 * - `PROVIDER_UNREACHABLE`, `PROVIDER_TIMEOUT`: no answer, or none in time
 * - `PROVIDER_AUTHENTICATION`: the key is missing, wrong, or may not do this
 * - `PROVIDER_NOT_FOUND`: no such model, or no such path on the server
 * - `PROVIDER_REQUEST`: the server refuses the request as it is
 * - `PROVIDER_RATE_LIMIT`: too many requests, or a quota is used up
 * - `PROVIDER_FAILED`: the server has failed
 * - `PROVIDER_REPLY`: the server answered something that is no answer, or only a part of one
 * - `PROVIDER_FILTERED`: the server withheld the answer
 */
export type ProviderErrorCode =
  | 'PROVIDER_URL'
  | 'PROVIDER_IMAGE'
  | 'PROVIDER_UNREACHABLE'
  | 'PROVIDER_TIMEOUT'
  | 'PROVIDER_AUTHENTICATION'
  | 'PROVIDER_NOT_FOUND'
  | 'PROVIDER_REQUEST'
  | 'PROVIDER_RATE_LIMIT'
  | 'PROVIDER_FAILED'
  | 'PROVIDER_REPLY'
  | 'PROVIDER_FILTERED';

/** A failure between this program and the server; recognisable across packages by `Symbol.for('pocketlens.error')`. */
export class ProviderError extends Error {
  readonly code: ProviderErrorCode;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly isRetryable: boolean;

  constructor(code: ProviderErrorCode, message: string, options: ProviderErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProviderError';
    this.code = code;
    this.isRetryable = options.isRetryable ?? false;
    Object.defineProperty(this, BRAND, { value: true });
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.details !== undefined) this.details = options.details;
  }
}

/** The caller's signal stopped the request. */
export class AbortError extends Error {
  readonly code = 'ABORTED';
  readonly isRetryable = false;

  constructor(signal: AbortSignal) {
    super('The request was stopped by its signal.', { cause: signal.reason });
    this.name = 'AbortError';
    Object.defineProperty(this, BRAND, { value: true });
  }
}
