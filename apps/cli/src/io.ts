/** The part of a writable stream that the command line needs. */
export interface OutputStream {
  write(chunk: string | Uint8Array): boolean;
  once(event: 'drain', listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Everything a command may touch of the process around it; tests pass their own. */
export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires on Ctrl-C, unless somebody has taken it over. */
  readonly signal: AbortSignal;
  /** Takes Ctrl-C over; the returned function gives it back. */
  readonly onInterrupt?: (handler: () => void) => () => void;
}

/** Writes and waits while the reader is slower than we are, so that memory stays flat. */
export async function write(stream: OutputStream, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text)) await new Promise<void>((resolve) => stream.once('drain', resolve));
}

/** One JSON value on a line of its own. */
export function writeJson(stream: OutputStream, value: unknown): Promise<void> {
  return write(stream, `${JSON.stringify(value)}\n`);
}

/** Passes `items` on and stops waiting for the next one when the signal fires. */
export async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const aborted = new Promise<never>((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  aborted.catch(() => {});
  for (;;) {
    const next = await Promise.race([iterator.next(), aborted]);
    if (next.done === true) return;
    yield next.value;
  }
}
