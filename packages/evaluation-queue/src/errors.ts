const BRAND = Symbol.for('pocketlens.error');

export type QueueErrorCode =
  | 'ABORTED'
  | 'QUEUE_MESSAGE'
  | 'QUEUE_REFUSED'
  | 'QUEUE_UNREACHABLE'
  | 'QUEUE_URL'
  | 'QUEUE_VERSION'
  | 'WORKER_STOPPED';

/** What an error can carry besides its message. */
export interface QueueErrorOptions {
  readonly cause?: unknown;
  /** The next step for the reader, in one sentence. */
  readonly hint?: string;
}

/** Every error of this package; recognisable across packages by `Symbol.for('pocketlens.error')`. */
export class QueueError extends Error {
  readonly code: QueueErrorCode;
  readonly hint?: string;

  constructor(code: QueueErrorCode, message: string, { cause, hint }: QueueErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    if (hint !== undefined) this.hint = hint;
  }
}

/** The caller's signal stopped the work. */
export class AbortError extends QueueError {
  constructor(signal: AbortSignal) {
    super('ABORTED', 'The work was stopped by its signal.', { cause: signal.reason });
  }
}
