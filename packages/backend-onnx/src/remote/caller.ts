import { AbortError, throwIfAborted } from '@pocketlens/backend';
import type { AnswerMessage, CallName, NoticeMessage, RemoteCalls, RemotePort } from './messages.js';
import { unpackError } from './packed-error.js';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  readonly transfer?: readonly ArrayBuffer[];
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly progress: ProgressListener;
}

/** The asking side of a channel: sends requests and matches answers. */
export class RemoteCaller {
  readonly #port: RemotePort;
  readonly #onBusyChange: (isBusy: boolean) => void;
  readonly #pending = new Map<number, PendingCall>();
  #lastNumber = 0;
  #failure: Error | undefined;

  /** @param onBusyChange - told when the first call begins and when the last one has its answer */
  constructor(port: RemotePort, onBusyChange: (isBusy: boolean) => void) {
    this.#port = port;
    this.#onBusyChange = onBusyChange;
    // The port carries nothing but answers of the serving side of this file's release.
    port.listen((message) => this.#receive(message as AnswerMessage));
  }

  /** Why nothing can be asked any more, once `fail` was called. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** A number that no request, features or sequence of this channel has. */
  newNumber(): number {
    return ++this.#lastNumber;
  }

  /**
   * Sends a request and waits for its answer. After an abort the answer is awaited as well, so that the other side
   * is idle when the call rejects; an answer that comes all the same counts as aborted, and `undo` takes it back.
   */
  async call<Name extends CallName>(
    type: Name,
    request: RemoteCalls[Name]['request'],
    options: CallOptions & { readonly undo?: NoticeMessage } = {},
  ): Promise<RemoteCalls[Name]['result']> {
    const { signal, undo, transfer = [] } = options;
    throwIfAborted(signal);
    if (this.#failure !== undefined) throw this.#failure;
    const call = this.newNumber();
    const abort = (): void => this.notify({ type: 'abort', call });
    const progress = new ProgressListener(options.onProgress, abort);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const value = await new Promise<unknown>((resolve, reject) => {
        this.#port.post({ ...request, type, call }, transfer);
        this.#pending.set(call, { resolve, reject, progress });
        if (this.#pending.size === 1) this.#onBusyChange(true);
      });
      if (undo !== undefined && (signal?.aborted === true || progress.error !== undefined)) this.notify(undo);
      throwIfAborted(signal);
      progress.throwIfFailed();
      // `RemoteCalls` pairs the request with its result; the serving side is checked against the same table.
      return value as RemoteCalls[Name]['result'];
    } catch (error) {
      progress.throwIfFailed();
      if (signal?.aborted === true && isAbort(error)) throw new AbortError(signal);
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Sends a message that has no answer; after `fail` it does nothing. */
  notify(message: NoticeMessage): void {
    if (this.#failure === undefined) this.#port.post(message, []);
  }

  /** Ends all waiting calls and every later one with `error`. The first failure stays. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const { reject } of this.#pending.values()) reject(error);
    if (this.#pending.size > 0) this.#onBusyChange(false);
    this.#pending.clear();
  }

  #receive(message: AnswerMessage): void {
    const pending = this.#pending.get(message.call);
    if (pending === undefined) return;
    if (message.type === 'progress') {
      pending.progress.report({ done: message.done, total: message.total });
      return;
    }
    this.#pending.delete(message.call);
    if (this.#pending.size === 0) this.#onBusyChange(false);
    if (message.type === 'result') pending.resolve(message.value);
    else pending.reject(unpackError(message.error));
  }
}

/** An error of a listener ends the call, as it does where model and listener share a thread. */
class ProgressListener {
  readonly #listener: CallOptions['onProgress'];
  readonly #onFailure: () => void;
  error: { readonly thrown: unknown } | undefined;

  constructor(listener: CallOptions['onProgress'], onFailure: () => void) {
    this.#listener = listener;
    this.#onFailure = onFailure;
  }

  report(progress: { readonly done: number; readonly total: number }): void {
    if (this.error !== undefined) return;
    try {
      this.#listener?.(progress);
    } catch (thrown) {
      this.error = { thrown };
      this.#onFailure();
    }
  }

  throwIfFailed(): void {
    if (this.error !== undefined) throw this.error.thrown;
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'ABORTED';
}
