import { preview } from '../json.js';
import { DownloadError } from './errors.js';

/** What was asked for, for messages. */
export interface Asked {
  readonly repository: string;
  readonly revision: string;
  readonly host: string;
  readonly hasToken: boolean;
}

const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The error for an answer that is no success. */
export function httpFailure({ status, headers }: Response, asked: Asked): DownloadError {
  const { repository, revision, host } = asked;
  const details = { status, host, repository };
  switch (headers.get('x-error-code')) {
    case 'GatedRepo':
      return new DownloadError('REPOSITORY_GATED', `${repository} is open only to people who accept its terms`, {
        hint: `Accept them on https://huggingface.co/${repository}, and set HF_TOKEN to a token of that account.`,
        details,
      });
    case 'RevisionNotFound':
      return new DownloadError('REVISION_NOT_FOUND', `${repository} has no revision ${preview(revision)}`, {
        hint: 'Give a branch, a tag or a full commit hash; without one it is main.',
        details,
      });
    case 'EntryNotFound':
      return new DownloadError('DOWNLOAD_FILE_UNKNOWN', `${repository} lists a file that ${host} does not have`, {
        details,
      });
  }
  if (status === 401 && asked.hasToken) {
    return new DownloadError('TOKEN_REJECTED', `${host} does not accept the access token`, {
      hint: 'Set HF_TOKEN to a valid token, or unset it for public repositories.',
      details,
    });
  }
  // The hub answers 401 for what does not exist, so that names of private repositories do not leak.
  if (status === 401 || status === 404) return repositoryNotFound(asked, details);
  return otherFailure(status, headers, host, details);
}

function repositoryNotFound(
  { repository, host, hasToken }: Asked,
  details: Readonly<Record<string, unknown>>,
): DownloadError {
  return new DownloadError('REPOSITORY_NOT_FOUND', `${host} has no repository ${repository}, or not for you`, {
    hint: hasToken
      ? 'Check the name, and that the token may read it.'
      : 'Check the name; for a private repository set HF_TOKEN.',
    details,
  });
}

function otherFailure(
  status: number,
  headers: Headers,
  host: string,
  details: Readonly<Record<string, unknown>>,
): DownloadError {
  const retryAfterMs = retryAfter(headers.get('retry-after'));
  const wait = retryAfterMs === undefined ? '' : `; it asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
  const meaning = status === 403 ? ' (not allowed)' : status === 429 ? ' (too many requests)' : '';
  return new DownloadError('DOWNLOAD_HTTP', `${host} answers with status ${status}${meaning}${wait}`, {
    hint:
      status === 403
        ? 'Set HF_TOKEN to a token that may read this repository.'
        : 'Try again later: what is here is kept.',
    details,
    isRetryable: RETRYABLE.has(status),
    retryAfterMs,
  });
}

/** Milliseconds of a `Retry-After` header: seconds or a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** The error for a request that got no answer, or whose answer broke off. */
export function networkFailure(cause: unknown, host: string, stage: 'connect' | 'body'): DownloadError {
  const reason = reasonOf(cause);
  if (stage === 'body') {
    return new DownloadError('NETWORK_INTERRUPTED', `the connection to ${host} broke off: ${reason}`, {
      cause,
      hint: 'Run the same command again: it goes on where it stopped.',
      details: { host },
      isRetryable: true,
    });
  }
  return new DownloadError('NETWORK_UNREACHABLE', `${host} cannot be reached: ${reason}`, {
    cause,
    hint: 'Check the network and the endpoint (--endpoint, HF_ENDPOINT). HF_HUB_OFFLINE=1 uses what is in the cache.',
    details: { host },
    isRetryable: true,
  });
}

/** `fetch` hides the reason in its cause. */
function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof AggregateError && inner.errors[0] instanceof Error) inner = inner.errors[0];
  if (!(inner instanceof Error)) return 'unknown reason';
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : undefined;
  return REASONS[code ?? ''] ?? (inner.message || code || inner.name).replaceAll(/\s+/g, ' ');
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such host, or no network',
  EAI_AGAIN: 'its name cannot be looked up; there may be no network',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'it closed the connection',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_SOCKET: 'it closed the connection',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};
