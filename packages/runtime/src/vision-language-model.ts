import type { Dtype, ModelConfig, SliceInput } from '@pocketlens/backend';
import { emptyCaches } from './cache/caches.js';
import type { CacheStats } from './cache/caches.js';
import { ChatSession } from './chat/chat-session.js';
import type { SessionOptions } from './chat/chat-session.js';
import { collectChat } from './chat/collect.js';
import type { ChatEngine } from './chat/engine.js';
import { ImageStore } from './chat/image-store.js';
import { streamChat } from './chat/stream-chat.js';
import type { ChatOptions, ChatPart, ChatResult, Warning } from './chat/types.js';
import { CachedSequence, dense, toParts } from './generation/cached-sequence.js';
import type { PromptUnit } from './generation/cached-sequence.js';
import { generateTokens } from './generation/generate-tokens.js';
import type { TokenStream } from './generation/generate-tokens.js';
import { resolveGenerationOptions } from './generation/options.js';
import type { GenerationOptions } from './generation/options.js';
import type { Message } from './prompt/messages.js';
import { rawUnits } from './raw-input.js';
import type { RawInput } from './raw-input.js';

export interface GenerateFromIdsOptions extends RawInput, Omit<GenerationOptions, 'stop' | 'maxNewTokens'> {
  /** 1..8192. */
  readonly maxNewTokens: number;
  /** Ids that end the run and are not returned; default none. */
  readonly stopIds?: Iterable<number>;
  readonly signal?: AbortSignal;
}

/** An open model. Make one with `openModel`. */
export class VisionLanguageModel {
  readonly #engine: ChatEngine;

  constructor(engine: ChatEngine) {
    this.#engine = engine;
  }

  /** Sizes and version. */
  get config(): ModelConfig {
    return this.#engine.model.config;
  }

  /** Storage type of the weights in use. */
  get dtype(): Dtype {
    return this.#engine.model.capabilities.dtype;
  }

  /** Most positions of a conversation, answer included. */
  get contextLength(): number {
    return this.#engine.contextLength;
  }

  /** Time that opening took, in milliseconds. */
  get loadMs(): number {
    return this.#engine.loadMs;
  }

  /** What is worth knowing about the model directory. */
  get warnings(): readonly Warning[] {
    return this.#engine.warnings;
  }

  /**
   * Answers a conversation, streamed: text parts, then one `finish` part. Leaving the loop stops the work.
   *
   * @throws {InvalidPromptError} `PROMPT_EMPTY`, `PROMPT_ROLE_ORDER`, `PROMPT_CONTENT`, `PROMPT_TOO_LONG`
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for an option
   * @throws {InvalidImageError} for a picture that cannot be read
   * @throws {BackendError} `BACKEND_FAILED`
   * @throws {AbortError} `ABORTED`
   * @throws {DisposedError} `DISPOSED`
   */
  async *chat(messages: readonly Message[], options: ChatOptions = {}): AsyncGenerator<ChatPart, void, undefined> {
    const engine = this.#engine;
    const { images: features, sequences } = options.reuse === false ? emptyCaches(engine) : engine.caches;
    const isJoint = engine.model.config.batchVisionInput;
    const images = new ImageStore(features, { isJoint, config: engine.preprocessing });
    let held: CachedSequence | undefined;
    try {
      const sequence = (units: readonly PromptUnit[]): CachedSequence => (held = sequences.acquire(units));
      yield* streamChat({ engine, messages, options, images, sequence });
    } finally {
      if (held !== undefined) sequences.release(held);
      images.dispose();
    }
  }

  /** As `chat`, but waits for the whole answer. */
  generate(messages: readonly Message[], options: ChatOptions = {}): Promise<ChatResult> {
    return collectChat(this.chat(messages, options));
  }

  /** Opens a conversation of several turns that keeps its key-value cache. */
  session(options?: SessionOptions): ChatSession {
    return new ChatSession(this.#engine, options);
  }

  /**
   * Encodes pictures as one request.
   *
   * @returns float32 `[slices, queries, hidden]` of all slices of all pictures, in order, row-major
   */
  async encodeImages(
    images: readonly { readonly slices: readonly SliceInput[] }[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Float32Array> {
    const features = await this.#engine.model.encodeImages(
      images.flatMap(({ slices }) => slices),
      options,
    );
    return features.read();
  }

  /**
   * Logits of every position.
   *
   * @returns float32 `[positions, vocabulary]`, row-major
   */
  async forward(input: RawInput & { readonly signal?: AbortSignal }): Promise<Float32Array> {
    const { model } = this.#engine;
    const units = await rawUnits(model, input, input.signal);
    const sequence = model.createSequence();
    try {
      const options = input.signal === undefined ? {} : { signal: input.signal };
      return dense(await sequence.append(toParts(units), { ...options, logits: 'all' })).data;
    } finally {
      sequence.dispose();
    }
  }

  /**
   * Continues ids: greedily, by sampling or with beams. Without `stopIds` it runs to `maxNewTokens`.
   *
   * @returns the new ids
   */
  async generateFromIds(options: GenerateFromIdsOptions): Promise<number[]> {
    const ids: number[] = [];
    for await (const { id } of this.streamFromIds(options)) ids.push(id);
    return ids;
  }

  /**
   * As `generateFromIds`, token by token, with log-probabilities where they are asked for.
   *
   * @returns through `return`: `stop` or `length`
   */
  async *streamFromIds(options: GenerateFromIdsOptions): TokenStream {
    const { stopIds: ends = [], signal, maxNewTokens } = options;
    const settings = resolveGenerationOptions(options);
    const stopIds = new Set(ends);
    const units = await rawUnits(this.#engine.model, options, signal);
    const sequence = new CachedSequence(this.#engine.model.createSequence());
    try {
      const { logits } = await sequence.prefill(units, signal === undefined ? {} : { signal });
      const counts = { drafted: 0, accepted: 0 };
      return yield* generateTokens({ sequence, logits, settings, maxNewTokens, stopIds, signal, counts });
    } finally {
      sequence.dispose();
    }
  }

  /** What is kept for later requests, and how often that helped. */
  cacheStats(): CacheStats {
    const { images, sequences } = this.#engine.caches;
    return { images: images.stats(), sequences: sequences.stats() };
  }

  /** Forgets what is kept for later requests and not in use. */
  clearCaches(): void {
    this.#engine.caches.images.clear();
    this.#engine.caches.sequences.clear();
  }

  /** Frees the weights; running answers end with `DisposedError`. A second call does nothing. */
  dispose(): Promise<void> {
    this.#engine.caches.images.dispose();
    this.#engine.caches.sequences.dispose();
    return this.#engine.model.dispose();
  }
}
