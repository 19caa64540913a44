import { setTimeout as delay } from 'node:timers/promises';
import { throwIfAborted } from '../errors.js';
import { DownloadError } from './errors.js';

/** How failures that may pass are answered. */
export interface RetryPolicy {
  /** Tries without any progress between them; at least 1. */
  readonly attempts: number;
  /** Wait before the second try; doubled for each further one. */
  readonly delayMs: number;
  /** A number in 0..1, so that many clients do not come back at the same moment. */
  readonly random: () => number;
}

const MAX_DELAY_MS = 30_000;
/** A server that asks for a longer pause is believed, but not waited for. */
const MAX_RETRY_AFTER_MS = 300_000;
/** A host that was never reached is asked less often: the machine may simply have no network. */
const UNREACHABLE_ATTEMPTS = 2;

interface RetryOptions {
  readonly signal?: AbortSignal | undefined;
  /** How far the work has come, in any unit: progress starts the count of tries again. */
  readonly position?: () => number;
  /** Whether the host has answered before. */
  readonly isReachable?: () => boolean;
}

/** Repeats work that failed for a reason that may pass, with growing pauses or the one that the server asks for. */
export async function withRetries<T>(
  work: () => Promise<T>,
  policy: RetryPolicy,
  { signal, position = () => 0, isReachable = () => true }: RetryOptions = {},
): Promise<T> {
  let furthest = position();
  for (let failures = 1; ; failures += 1) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof DownloadError) || !error.isRetryable) throw error;
      if (position() > furthest) {
        furthest = position();
        failures = 1;
      }
      const isUnreachable = error.code === 'NETWORK_UNREACHABLE' && !isReachable();
      const attempts = isUnreachable ? Math.min(UNREACHABLE_ATTEMPTS, policy.attempts) : policy.attempts;
      if (failures >= attempts || (error.retryAfterMs ?? 0) > MAX_RETRY_AFTER_MS) throw error;
      await pause(error.retryAfterMs ?? backoff(failures, policy), signal);
    }
  }
}

/** Waits; ends at once with `AbortError` when the signal fires. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

function backoff(failures: number, { delayMs, random }: RetryPolicy): number {
  return Math.min(MAX_DELAY_MS, delayMs * 2 ** (failures - 1)) * (0.75 + 0.5 * random());
}
