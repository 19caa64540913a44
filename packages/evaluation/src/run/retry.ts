import { setTimeout as delay } from 'node:timers/promises';

/** How often and how patiently something is tried again. */
export interface RetryOptions {
  /** Most repetitions after the first try; default 2. */
  readonly maxRetries?: number;
  /** Pause before the first repetition, doubled before each further one; default 500 ms. */
  readonly firstDelayMs?: number;
  readonly signal?: AbortSignal;
  readonly onRetry?: (error: unknown) => void;
}

const LONGEST_DELAY_MS = 30_000;
const MOST_RETRIES = 2;
const FIRST_DELAY_MS = 500;

/**
 * Tries again what failed for a passing reason: an error whose `isRetryable` is true. The pauses double, each shortened at
 * random by up to a quarter, so that many who failed together do not come back together.
 */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { maxRetries = MOST_RETRIES, firstDelayMs = FIRST_DELAY_MS, signal, onRetry } = options;
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries >= maxRetries || signal?.aborted === true || !isRetryable(error)) throw error;
      onRetry?.(error);
      const pause = Math.min(LONGEST_DELAY_MS, firstDelayMs * 2 ** tries) * (1 - Math.random() / 4);
      await delay(pause, undefined, signal ? { signal } : {}).catch(() => {
        throw error;
      });
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'isRetryable') === true;
}
