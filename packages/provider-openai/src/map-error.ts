import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { AbortError, ProviderError, type ProviderErrorCode } from './errors.js';

/** What a message may say about where a request went. */
export interface Destination {
  readonly host: string;
  readonly model: string;
}

/** Turns whatever a request threw into an error of this package. */
export function providerError(
  error: unknown,
  { host, model }: Destination,
  signal: AbortSignal | undefined,
): ProviderError | AbortError {
  if (signal?.aborted === true) return new AbortError(signal);
  if (error instanceof ProviderError || error instanceof AbortError) return error;
  if (error instanceof APIConnectionTimeoutError) return timedOut(host, error);
  if (error instanceof APIConnectionError) {
    return new ProviderError('PROVIDER_UNREACHABLE', `Cannot reach ${host}: ${reason(error)}.`, {
      cause: error,
      isRetryable: true,
      hint: 'Check the address, and that the server is running.',
    });
  }
  if (error instanceof APIError && error.status !== undefined) return statusError(error, { host, model });
  return new ProviderError('PROVIDER_REPLY', `The answer of ${host} broke off: ${reason(error)}.`, {
    cause: error,
    isRetryable: true,
  });
}

/** No answer, or no further part of one, within the time allowed. */
export function timedOut(host: string, cause?: unknown): ProviderError {
  return new ProviderError('PROVIDER_TIMEOUT', `${host} did not answer in time.`, {
    cause,
    isRetryable: true,
    hint: 'Allow more time, or send fewer requests at once.',
  });
}

const LONGEST_MESSAGE = 300;

function statusError(error: APIError, { host, model }: Destination): ProviderError {
  const status = Number(error.status);
  const said = error.message
    .replace(/^\d{3} /, '')
    .replaceAll(/\s+/g, ' ')
    .slice(0, LONGEST_MESSAGE);
  const make = (code: ProviderErrorCode, message: string, hint?: string, isRetryable = false): ProviderError =>
    new ProviderError(code, `${message} (status ${status}: ${said})`, {
      cause: error,
      isRetryable,
      details: { status },
      ...(hint === undefined ? {} : { hint }),
    });
  if (status >= 300 && status < 400) {
    return make(
      'PROVIDER_URL',
      `${host} redirects elsewhere`,
      'Give the address that it redirects to, if you trust it.',
    );
  }
  if (status === 401 || status === 403) {
    return make('PROVIDER_AUTHENTICATION', `${host} refuses the key`, 'Check the API key and what it may do.');
  }
  if (status === 404) {
    return make(
      'PROVIDER_NOT_FOUND',
      `${host} knows no model "${model}", or the path is wrong`,
      'The base URL usually ends with /v1.',
    );
  }
  if (status === 408 || status === 504) return timedOut(host, error);
  if (status === 429) {
    const isUsedUp = error.code === 'insufficient_quota';
    return make('PROVIDER_RATE_LIMIT', `${host} takes no more requests now`, undefined, !isUsedUp);
  }
  if (status >= 500) return make('PROVIDER_FAILED', `${host} has failed`, undefined, true);
  return make('PROVIDER_REQUEST', `${host} refuses the request`);
}

// The system's reason is at the end of the chain of causes: "fetch failed" says nothing.
function reason(error: unknown): string {
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  return last instanceof Error ? last.message.replace(/\.$/, '') || last.name : String(last);
}
