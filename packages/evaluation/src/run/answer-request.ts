import type { ChatOptions, Message, Warning } from '@pocketlens/runtime';

import { AbortError, RunError } from '../errors.js';
import type { SampleFailure } from './predictions-file.js';
import type { ModelRequest } from './question.js';
import { retry, type RetryOptions } from './retry.js';

/** Anything that answers: a model of `@pocketlens/runtime`, or a provider in front of another one. */
export interface AnsweringModel {
  generate(
    messages: readonly Message[],
    options: ChatOptions,
  ): Promise<{ readonly text: string; readonly warnings?: readonly Warning[] }>;
}

/** An answer, or the reason why there is none. */
export type Outcome = ({ readonly prediction: string } | { readonly error: SampleFailure }) & {
  /** What the model had to say besides. */
  readonly warnings?: readonly Warning[];
};

/** How patiently a question is asked. */
export interface Patience {
  /** Longest time for a sample, repetitions included; default none. */
  readonly sampleTimeoutMs?: number;
  /** How a sample is tried again that failed for a passing reason. */
  readonly retries?: Omit<RetryOptions, 'signal'>;
}

/**
 * Asks a model one question. A failure of the model is an outcome, not an exception.
 *
 * @throws {AbortError} `ABORTED` when the signal fires
 */
export async function answerRequest(
  model: AnsweringModel,
  request: () => Promise<ModelRequest>,
  { signal, ...patience }: Patience & { readonly signal?: AbortSignal | undefined },
): Promise<Outcome> {
  throwIfAborted(signal);
  try {
    const { messages, options } = await request();
    const answer = await withDeadline(signal, patience.sampleTimeoutMs, (deadline) =>
      retry(() => model.generate(messages, { ...options, signal: deadline }), {
        ...patience.retries,
        signal: deadline,
      }),
    );
    return { prediction: answer.text, ...(answer.warnings && { warnings: answer.warnings }) };
  } catch (error) {
    throwIfAborted(signal);
    return { error: describeFailure(error) };
  }
}

/** What is recorded of an exception. */
export function describeFailure(error: unknown): SampleFailure {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) };
  const code: unknown = Reflect.get(error, 'code');
  return { code: typeof code === 'string' ? code : error.name, message: error.message };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortError(signal);
}

/** Gives work a signal that fires with the caller's or at the end of the time, and does not wait for it any longer. */
async function withDeadline<T>(
  signal: AbortSignal | undefined,
  limitMs: number | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const { promise: ended, reject } = rejection();
  const end = (error: Error): void => {
    reject(error);
    deadline.abort(error);
  };
  const timer = limitMs === undefined ? undefined : setTimeout(() => end(outOfTime(limitMs)), limitMs);
  const onAbort = (): void => end(new AbortError(signal!));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work(deadline.signal), ended]);
  } catch (error) {
    // The model may have noticed the end first, and says only that it was stopped.
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function rejection(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<never>((_, fail) => (reject = fail));
  return { promise, reject };
}

function outOfTime(limitMs: number): RunError {
  return new RunError('SAMPLE_TIMEOUT', `Expected an answer within ${limitMs / 1000} s, got none.`);
}
