/** Bounds of a wait. */
export interface WaitLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Makes the error that ends a wait too long. */
  readonly onTimeout: () => Error;
}

/** Waits for a promise, but no longer than allowed, and not beyond the signal. */
export async function waitFor<T>(work: PromiseLike<T>, { timeoutMs, signal, onTimeout }: WaitLimits): Promise<T> {
  const { promise: ended, reject } = withRejection();
  const timer = setTimeout(() => reject(onTimeout()), timeoutMs);
  const stop = (): void => reject(signal?.reason);
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

function withRejection(): { readonly promise: Promise<never>; readonly reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_, fail) => (reject = fail));
  return { promise, reject };
}
