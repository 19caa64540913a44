import { type ErrorContext, PocketlensError } from '../errors.js';

export type DownloadErrorCode =
  | 'NETWORK_UNREACHABLE'
  | 'NETWORK_INTERRUPTED'
  | 'NETWORK_STALLED'
  | 'REPOSITORY_NOT_FOUND'
  | 'REPOSITORY_GATED'
  | 'REVISION_NOT_FOUND'
  | 'TOKEN_REJECTED'
  | 'DOWNLOAD_FILE_UNKNOWN'
  | 'DOWNLOAD_HTTP'
  | 'DOWNLOAD_RESPONSE'
  | 'DOWNLOAD_SIZE'
  | 'DOWNLOAD_CHECKSUM'
  | 'DOWNLOAD_URL_BLOCKED'
  | 'DOWNLOAD_OFFLINE'
  | 'DISK_FULL'
  | 'CACHE_UNWRITABLE';

/** What a failed download can tell besides its message. */
export interface DownloadErrorContext extends ErrorContext {
  /** The same request may succeed later. */
  readonly isRetryable?: boolean;
  /** How long the server asked to wait. */
  readonly retryAfterMs?: number | undefined;
}

/** Files could not be fetched, checked or stored. What had arrived is kept, and the next download goes on from there. */
export class DownloadError extends PocketlensError {
  declare readonly code: DownloadErrorCode;
  readonly isRetryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: DownloadErrorCode, message: string, context: DownloadErrorContext = {}) {
    super(code, message, context);
    this.name = 'DownloadError';
    this.isRetryable = context.isRetryable ?? false;
    this.retryAfterMs = context.retryAfterMs;
  }
}
