import type { SlicePlan } from '@pocketlens/preprocessing';
import type {
  AskFinish,
  AskOptions,
  AskProgress,
  Capabilities,
  EngineChoice,
  ErrorInfo,
  FromWorker,
  ModelChoice,
  ModelInfo,
  ToWorker,
  WireMessage,
} from './protocol.js';

/** What went wrong in the worker, with the code of the package that said so. */
export class InferenceError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor({ code, message, hint }: ErrorInfo) {
    super(message);
    this.name = 'InferenceError';
    this.code = code;
    this.hint = hint;
  }
}

export interface AskHandlers {
  readonly onProgress: (progress: AskProgress) => void;
  readonly onText: (text: string) => void;
  readonly signal: AbortSignal;
}

type Handlers = Partial<Pick<AskHandlers, 'onProgress' | 'onText'>> & {
  readonly onLoading?: (loaded: number, total: number) => void;
};

interface Pending extends Handlers {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

type RequestBody = ToWorker extends infer R ? (R extends { readonly id: number } ? Omit<R, 'id'> : never) : never;

/** The page's side of the worker in which the model runs. */
export class ModelClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor() {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'pocketlens' });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    this.#worker.addEventListener('error', ({ message }) => this.#failAll(message));
  }

  probe(): Promise<Capabilities> {
    return this.#request({ type: 'probe' });
  }

  /** Opens a model in place of the one before. */
  open(
    model: ModelChoice,
    engine: EngineChoice,
    onLoading: (loaded: number, total: number) => void,
  ): Promise<ModelInfo> {
    return this.#request({ type: 'open', model, engine }, { onLoading });
  }

  /** How the open model cuts a picture; fails for a file that is none. */
  inspect(image: Blob): Promise<SlicePlan> {
    return this.#request({ type: 'inspect', image });
  }

  ask(messages: readonly WireMessage[], options: AskOptions, handlers: AskHandlers): Promise<AskFinish> {
    return this.#request({ type: 'ask', messages, options }, handlers);
  }

  dispose(): void {
    this.#worker.terminate();
    this.#failAll('the worker was closed');
  }

  #request<Value>(body: RequestBody, handlers: Handlers & { readonly signal?: AbortSignal } = {}): Promise<Value> {
    const id = this.#nextId++;
    const { signal, ...rest } = handlers;
    const result = new Promise<Value>((resolve, reject) => this.#pending.set(id, { resolve, reject, ...rest }));
    this.#worker.postMessage({ ...body, id } as ToWorker, {});
    const stop = (): void => this.#worker.postMessage({ type: 'stop', id } satisfies ToWorker, {});
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    return result.finally(() => signal?.removeEventListener('abort', stop));
  }

  #receive(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    switch (message.type) {
      case 'loading':
        return pending.onLoading?.(message.loaded, message.total);
      case 'progress':
        return pending.onProgress?.(message.progress);
      case 'text':
        return pending.onText?.(message.text);
      case 'result':
        this.#pending.delete(message.id);
        // The worker answers each kind of request with its kind of value.
        return pending.resolve(message.value as never);
      case 'failed':
        this.#pending.delete(message.id);
        return pending.reject(new InferenceError(message.error));
    }
  }

  #failAll(message: string): void {
    const error = new InferenceError({ code: 'WORKER_FAILED', message });
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
