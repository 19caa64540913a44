import { DisposedError, InvalidArgumentError } from '@pocketlens/backend';
import type {
  BackendCapabilities,
  BackendModelV1,
  BackendWarning,
  EncodeOptions,
  ImageFeatures,
  ModelConfig,
  SliceInput,
} from '@pocketlens/backend';
import { checkCapacity } from '../capacity.js';
import type { RemoteCaller } from './caller.js';
import { movable } from './messages.js';
import type { NoticeMessage, RemoteCalls, RemoteModelInfo } from './messages.js';
import { RemoteSequence } from './remote-sequence.js';
import type { RemoteContext } from './remote-sequence.js';

/** What loading a model at the other end needs. */
export interface LoadRemoteOptions {
  /** Handed to the `load` of `serveModel`; must be copyable between threads. */
  readonly options: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Ends the other end; called once, after the model is disposed. */
  readonly close: () => Promise<void>;
}

/**
 * Loads a model at the other end of a channel, where `serveModel` answers.
 *
 * @throws what the load at the other end throws: same class, code and message
 */
export async function loadRemoteModel(caller: RemoteCaller, options: LoadRemoteOptions): Promise<BackendModelV1> {
  const info = await caller.call('load', { options: options.options }, { signal: options.signal });
  return new RemoteModel(caller, info, options.close);
}

/** A model that runs in another thread. */
class RemoteModel implements BackendModelV1 {
  readonly capabilities: BackendCapabilities;
  readonly config: ModelConfig;
  readonly warnings: readonly BackendWarning[];
  readonly #caller: RemoteCaller;
  readonly #context: RemoteContext;
  readonly #close: () => Promise<void>;
  #disposal: Promise<void> | undefined;

  constructor(caller: RemoteCaller, { config, capabilities, warnings }: RemoteModelInfo, close: () => Promise<void>) {
    this.#caller = caller;
    this.#close = close;
    this.config = config;
    this.capabilities = capabilities;
    this.warnings = warnings;
    // What is dropped without `dispose` is freed at the other end too.
    const dropped = new FinalizationRegistry<NoticeMessage>((notice) => caller.notify(notice));
    this.#context = { caller, dropped, featuresNumber: (features) => this.#featuresNumber(features) };
  }

  async encodeImages(slices: readonly SliceInput[], options: EncodeOptions = {}): Promise<ImageFeatures> {
    this.#checkAlive();
    const features = this.#caller.newNumber();
    // The caller keeps its values, so they are copied once, and the copies move over.
    const copies = slices.map(({ pixelValues, targetSize }) => ({ pixelValues: pixelValues.slice(), targetSize }));
    const shape = await this.#caller.call(
      'encode',
      { features, slices: copies },
      {
        signal: options.signal,
        onProgress: options.onProgress,
        transfer: copies.flatMap(({ pixelValues }) => movable(pixelValues)),
        undo: { type: 'forget', features },
      },
    );
    return new RemoteImageFeatures(this.#context, features, shape);
  }

  createSequence(options: { readonly capacity?: number } = {}): RemoteSequence {
    this.#checkAlive();
    const capacity = checkCapacity(options.capacity, this.config.maxPositions);
    const number = this.#caller.newNumber();
    this.#caller.notify({ type: 'create', sequence: number, capacity });
    return new RemoteSequence(this.#context, number, { capacity, length: 0 });
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#release();
    return this.#disposal;
  }

  async #release(): Promise<void> {
    if (this.#caller.failure === undefined) {
      const disposed = this.#caller.call('dispose', {});
      // A failure here means that the other end is gone, and the model with it.
      await disposed.catch(() => undefined);
    }
    this.#caller.fail(new DisposedError('the model'));
    await this.#close();
  }

  #checkAlive(): void {
    if (this.#disposal !== undefined) throw new DisposedError('the model');
    if (this.#caller.failure !== undefined) throw this.#caller.failure;
  }

  #featuresNumber(features: ImageFeatures): number {
    if (features instanceof RemoteImageFeatures && features.belongsTo(this.#context)) return features.number;
    throw new InvalidArgumentError('ARGUMENT_TYPE', 'image features must come from encodeImages of the same model');
  }
}

/** Image features that stay in the thread of the model. */
class RemoteImageFeatures implements ImageFeatures {
  readonly sliceCount: number;
  readonly queries: number;
  readonly hiddenSize: number;
  readonly number: number;
  readonly #context: RemoteContext;
  #isDisposed = false;

  constructor(context: RemoteContext, number: number, shape: RemoteCalls['encode']['result']) {
    this.#context = context;
    this.number = number;
    this.sliceCount = shape.sliceCount;
    this.queries = shape.queries;
    this.hiddenSize = shape.hiddenSize;
    context.dropped.register(this, { type: 'forget', features: number }, this);
  }

  belongsTo(context: RemoteContext): boolean {
    return this.#context === context;
  }

  async read(): Promise<Float32Array> {
    if (this.#isDisposed) throw new DisposedError('the image features');
    return this.#context.caller.call('read', { features: this.number });
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#context.dropped.unregister(this);
    this.#context.caller.notify({ type: 'forget', features: this.number });
  }
}
