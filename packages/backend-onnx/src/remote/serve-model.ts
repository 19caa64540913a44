import { DisposedError } from '@pocketlens/backend';
import type { BackendModelV1, EncodeOptions, ImageFeatures, SequencePart, SequenceV1 } from '@pocketlens/backend';
import { movable } from './messages.js';
import type { AnswerMessage, CallMessage, NoticeMessage, RemoteCalls, RemotePart, RemotePort } from './messages.js';
import { packError } from './packed-error.js';

/** Loads the model that `options` of the asking side describe. */
export type LoadForPort = (options: unknown, signal: AbortSignal) => Promise<BackendModelV1>;

interface Outcome<Value = unknown> {
  readonly value: Value;
  readonly transfer?: readonly ArrayBuffer[];
}

type Limits = Required<Pick<EncodeOptions, 'signal' | 'onProgress'>>;

/**
 * The serving side of a channel: loads one model and runs it for `RemoteModel` on the other side. Features and
 * key-value caches stay here; logits and values that are read move over without a copy.
 *
 * @param onDisposed - called when the model is disposed and the answer is on its way
 */
export function serveModel(port: RemotePort, load: LoadForPort, onDisposed: () => void): void {
  const server = new ModelServer(port, load, onDisposed);
  // The port carries nothing but messages of `RemoteCaller`.
  port.listen((message) => server.receive(message as CallMessage | NoticeMessage));
}

class ModelServer {
  readonly #port: RemotePort;
  readonly #load: LoadForPort;
  readonly #onDisposed: () => void;
  readonly #features = new Map<number, ImageFeatures>();
  /** A sequence that could not be made is kept as its error, which its first use then reports. */
  readonly #sequences = new Map<number, SequenceV1 | { readonly error: unknown }>();
  readonly #calls = new Map<number, AbortController>();
  #model: BackendModelV1 | undefined;

  constructor(port: RemotePort, load: LoadForPort, onDisposed: () => void) {
    this.#port = port;
    this.#load = load;
    this.#onDisposed = onDisposed;
  }

  receive(message: CallMessage | NoticeMessage): void {
    if ('call' in message && message.type !== 'abort') void this.#answer(message);
    else this.#note(message as NoticeMessage);
  }

  #note(message: NoticeMessage): void {
    switch (message.type) {
      case 'create':
        this.#make(message.sequence, () => this.#getModel().createSequence({ capacity: message.capacity }));
        break;
      case 'fork':
        this.#make(message.sequence, () => this.#sequence(message.from).fork());
        break;
      case 'truncate':
        this.#change(message.sequence, (sequence) => sequence.truncate(message.length));
        break;
      case 'close':
        this.#change(message.sequence, (sequence) => sequence.dispose());
        this.#sequences.delete(message.sequence);
        break;
      case 'forget':
        this.#features.get(message.features)?.dispose();
        this.#features.delete(message.features);
        break;
      case 'abort':
        this.#calls.get(message.call)?.abort();
        break;
    }
  }

  async #answer(message: CallMessage): Promise<void> {
    const { call } = message;
    const controller = new AbortController();
    this.#calls.set(call, controller);
    try {
      const { value, transfer = [] } = await this.#run(message, {
        signal: controller.signal,
        onProgress: ({ done, total }) => this.#post({ type: 'progress', call, done, total }),
      });
      this.#post({ type: 'result', call, value }, transfer);
    } catch (error) {
      this.#post({ type: 'failure', call, error: packError(error) });
    } finally {
      this.#calls.delete(call);
    }
    if (message.type === 'dispose') this.#onDisposed();
  }

  #run(message: CallMessage, limits: Limits): Promise<Outcome> {
    switch (message.type) {
      case 'load':
        return this.#loadModel(message, limits);
      case 'encode':
        return this.#encode(message, limits);
      case 'read':
        return this.#read(message);
      case 'append':
        return this.#append(message, limits);
      case 'dispose':
        return this.#dispose();
    }
  }

  async #loadModel(
    { options }: RemoteCalls['load']['request'],
    { signal }: Limits,
  ): Promise<Outcome<RemoteCalls['load']['result']>> {
    this.#model = await this.#load(options, signal);
    const { config, capabilities, warnings = [] } = this.#model;
    return { value: { config, capabilities, warnings } };
  }

  async #encode(
    { features: number, slices }: RemoteCalls['encode']['request'],
    limits: Limits,
  ): Promise<Outcome<RemoteCalls['encode']['result']>> {
    const features = await this.#getModel().encodeImages(slices, limits);
    this.#features.set(number, features);
    const { sliceCount, queries, hiddenSize } = features;
    return { value: { sliceCount, queries, hiddenSize } };
  }

  async #read({ features }: RemoteCalls['read']['request']): Promise<Outcome<RemoteCalls['read']['result']>> {
    const value = await this.#getFeatures(features).read();
    return { value, transfer: movable(value) };
  }

  async #append(
    { sequence, parts, logits }: RemoteCalls['append']['request'],
    limits: Limits,
  ): Promise<Outcome<RemoteCalls['append']['result']>> {
    const local = parts.map((part) => this.#localPart(part));
    const value = await this.#sequence(sequence).append(local, { ...limits, logits });
    return { value, transfer: value.type === 'dense' ? movable(value.data) : [] };
  }

  async #dispose(): Promise<Outcome<undefined>> {
    await this.#model?.dispose();
    this.#sequences.clear();
    this.#features.clear();
    return { value: undefined };
  }

  #localPart(part: RemotePart): SequencePart {
    return 'ids' in part ? part : { features: this.#getFeatures(part.features), slice: part.slice };
  }

  #getModel(): BackendModelV1 {
    if (this.#model === undefined) throw new DisposedError('the model');
    return this.#model;
  }

  #getFeatures(number: number): ImageFeatures {
    const features = this.#features.get(number);
    if (features === undefined) throw new DisposedError('the image features');
    return features;
  }

  #sequence(number: number): SequenceV1 {
    const sequence = this.#sequences.get(number);
    if (sequence === undefined) throw new DisposedError('the sequence');
    if ('error' in sequence) throw sequence.error;
    return sequence;
  }

  #make(number: number, make: () => SequenceV1): void {
    try {
      this.#sequences.set(number, make());
    } catch (error) {
      this.#sequences.set(number, { error });
    }
  }

  /** A change that fails has no answer of its own: the next use of the sequence reports it. */
  #change(number: number, change: (sequence: SequenceV1) => void): void {
    try {
      change(this.#sequence(number));
    } catch (error) {
      if (this.#sequences.has(number)) this.#sequences.set(number, { error });
    }
  }

  #post(message: AnswerMessage, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.post(message, transfer);
  }
}
