import { BackendError, DisposedError, InvalidArgumentError, throwIfAborted } from '@pocketlens/backend';
import type { AppendOptions, Logits, LogitsRequest, SequencePart, SequenceV1 } from '@pocketlens/backend';
import { checkTruncation } from './capacity.js';
import { defaultChunk } from './chunk-size.js';
import type { Decoder } from './decoder.js';
import type { EmbeddingTable } from './embedding-table.js';
import { KvCache } from './kv-cache.js';
import { PartRows } from './sequence-parts.js';
import { topLogits } from './top-logits.js';

/** What the sequences of a model share. */
export interface SequenceContext {
  readonly decoder: Decoder;
  readonly embeddings: EmbeddingTable;
  readonly isDisposed: () => boolean;
  /** Positions of a prefill pass; default: by the memory that its activations need. */
  readonly prefillChunk?: number | undefined;
  /** Positions of a prefill pass where memory allows. */
  readonly preferredChunk?: number | undefined;
}

/** A sequence over the decoder graph, with its own key-value cache. */
export class OnnxSequence implements SequenceV1 {
  readonly capacity: number;
  readonly #context: SequenceContext;
  #cache: KvCache | undefined;
  #length = 0;
  #isBusy = false;

  constructor(context: SequenceContext, capacity: number, fork?: { readonly cache: KvCache; readonly length: number }) {
    this.#context = context;
    this.capacity = capacity;
    this.#cache = fork?.cache ?? new KvCache(context.decoder.shape, capacity, context.decoder.cacheType);
    this.#length = fork?.length ?? 0;
  }

  get length(): number {
    return this.#length;
  }

  async append(parts: readonly SequencePart[], options: AppendOptions = {}): Promise<Logits> {
    this.#getIdleCache();
    throwIfAborted(options.signal);
    const { hiddenSize } = this.#context.decoder.shape;
    const rows = new PartRows(parts, this.#context.embeddings, hiddenSize);
    const request = checkRequest(options.logits ?? 'last');
    if (rows.length === 0) throw new InvalidArgumentError('ARGUMENT_RANGE', 'append needs at least one position');
    if (this.#length + rows.length > this.capacity) {
      throw new BackendError(
        'SEQUENCE_FULL',
        `${this.#length} + ${rows.length} positions do not fit a sequence of ${this.capacity}`,
        { details: { length: this.#length, added: rows.length, capacity: this.capacity } },
      );
    }
    const start = this.#length;
    this.#isBusy = true;
    try {
      return await this.#appendChunks(rows, request, options);
    } catch (error) {
      this.#length = start;
      // A read that `dispose` cut short fails in its own way; what happened is that the model went away.
      throw this.#context.isDisposed() ? new DisposedError('the model') : error;
    } finally {
      this.#isBusy = false;
    }
  }

  truncate(length: number): void {
    this.#getIdleCache();
    checkTruncation(length, this.#length);
    this.#length = length;
  }

  fork(): OnnxSequence {
    const cache = this.#getIdleCache().fork(this.#length);
    return new OnnxSequence(this.#context, this.capacity, { cache, length: this.#length });
  }

  dispose(): void {
    this.#cache = undefined;
  }

  async #appendChunks(rows: PartRows, request: LogitsRequest, options: AppendOptions): Promise<Logits> {
    const { decoder } = this.#context;
    const { vocabSize } = decoder.shape;
    const all = request === 'all' ? new Float32Array(rows.length * vocabSize) : undefined;
    let last: Float32Array = new Float32Array(0);
    const { prefillChunk, preferredChunk } = this.#context;
    const chunk = prefillChunk ?? defaultChunk(decoder.shape, this.#length + rows.length, preferredChunk);
    for (let begin = 0; begin < rows.length; begin += chunk) {
      const end = Math.min(begin + chunk, rows.length);
      const embeddings = await rows.read(begin, end);
      throwIfAborted(options.signal);
      const cache = this.#getCache();
      cache.reserve(this.#length + end - begin, this.#length);
      const wanted = all === undefined ? [end - begin - 1] : Array.from({ length: end - begin }, (_, row) => row);
      last = await decoder.run(embeddings, cache, { past: this.#length, appended: rows.length, rows: wanted });
      this.#getCache();
      this.#length += end - begin;
      all?.set(last, begin * vocabSize);
      options.onProgress?.({ done: end, total: rows.length });
    }
    if (all !== undefined) return { type: 'dense', rows: rows.length, vocabSize, data: all };
    if (typeof request === 'object') return topLogits(last, request.top);
    return { type: 'dense', rows: 1, vocabSize, data: last };
  }

  #getCache(): KvCache {
    if (this.#context.isDisposed()) throw new DisposedError('the model');
    if (this.#cache === undefined) throw new DisposedError('the sequence');
    return this.#cache;
  }

  #getIdleCache(): KvCache {
    if (this.#isBusy) throw new BackendError('SEQUENCE_BUSY', 'the sequence is still working on the previous call');
    return this.#getCache();
  }
}

function checkRequest(request: LogitsRequest): LogitsRequest {
  if (typeof request === 'object' && !(Number.isInteger(request.top) && request.top > 0)) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `logits.top must be a whole number above 0, received ${request.top}`,
    );
  }
  return request;
}
