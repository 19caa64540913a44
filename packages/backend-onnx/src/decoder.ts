import { BackendError } from '@pocketlens/backend';
import { Tensor } from 'onnxruntime-common';
import type { InferenceSession } from 'onnxruntime-common';
import type { DecoderGraphs } from './decoder-graphs.js';
import { float32Output } from './graph-session.js';
import type { GraphSession } from './graph-session.js';
import { tensorNames } from './kv-cache.js';
import type { KvArray, KvCache, KvCacheType, KvShape } from './kv-cache.js';
import { int8Names } from './onnx-file/int8-cache.js';

export interface DecoderShape extends KvShape {
  readonly hiddenSize: number;
  readonly vocabSize: number;
}

const CONTROL_INPUTS = ['seqlens_k', 'total_sequence_length', 'kv_start', 'kv_end', 'logits_index'] as const;

/** After that many passes rows are taken as they are: their largest values then are a little too small. */
const MOST_WIDENINGS = 4;

export function decoderInputs(shape: KvShape, cache: KvCacheType): readonly string[] {
  const scales = cache === 'int8' ? int8Names(shape, 'scale') : [];
  return ['inputs_embeds', ...CONTROL_INPUTS, ...tensorNames(shape, 'past'), ...scales];
}

export function decoderOutputs(shape: KvShape, cache: KvCacheType): readonly string[] {
  const ranges = cache === 'int8' ? int8Names(shape, 'range') : [];
  return ['logits', ...tensorNames(shape, 'new'), ...ranges];
}

/** One pass of a decoder graph: embeddings in, logits of chosen rows out, new cache rows written in place. */
export class Decoder {
  readonly shape: DecoderShape;
  readonly cacheType: KvCacheType;
  readonly #graphs: DecoderGraphs;
  readonly #outputNames: readonly string[];
  readonly #rangeNames: readonly string[];

  constructor(graphs: DecoderGraphs, shape: DecoderShape, cacheType: KvCacheType) {
    this.#graphs = graphs;
    this.shape = shape;
    this.cacheType = cacheType;
    this.#outputNames = tensorNames(shape, 'new');
    this.#rangeNames = cacheType === 'int8' ? int8Names(shape, 'range') : [];
  }

  /**
   * @param embeddings - `[count, hiddenSize]`
   * @param options.past - positions already in the cache; it has room for `past + count`
   * @param options.appended - positions of the whole append of which this is a pass; chooses the graph
   * @param options.rows - rows of this chunk that get logits, at least one
   * @returns logits `[rows, vocabSize]`; the cache holds `past + count` positions afterwards
   */
  async run(
    embeddings: Float32Array,
    cache: KvCache,
    options: { readonly past: number; readonly appended: number; readonly rows: readonly number[] },
  ): Promise<Float32Array> {
    const { hiddenSize, kvHeads, headDim, vocabSize } = this.shape;
    const count = embeddings.length / hiddenSize;
    const { past, appended, rows } = options;
    const feeds = {
      inputs_embeds: new Tensor('float32', embeddings, [1, count, hiddenSize]),
      seqlens_k: new Tensor('int32', Int32Array.of(past + count - 1), [1]),
      total_sequence_length: new Tensor('int32', Int32Array.of(past + count), []),
      kv_start: new Tensor('int64', BigInt64Array.of(BigInt(past)), [1]),
      kv_end: new Tensor('int64', BigInt64Array.of(BigInt(past + count)), [1]),
      logits_index: new Tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length]),
      ...cache.inputs,
    };
    const graph = this.#graphs.forAppend(appended);
    const outputs = await graph.use((session) => this.#runUntilItFits(session, feeds, cache, past));
    this.#outputNames.forEach((name, index) => {
      cache.write(index, cacheOutput(outputs, name, cache.type, kvHeads * count * headDim), past, count);
    });
    return float32Output(outputs, 'logits', rows.length * vocabSize);
  }

  dispose(): Promise<void> {
    return this.#graphs.dispose();
  }

  /** Runs again whenever the new rows were larger than an int8 cache could hold; a float32 cache holds everything. */
  async #runUntilItFits(
    session: GraphSession,
    feeds: Readonly<Record<string, Tensor>>,
    cache: KvCache,
    past: number,
  ): Promise<InferenceSession.ReturnType> {
    for (let pass = 0; ; pass++) {
      const outputs = await session.run(feeds);
      let hasWidened = false;
      for (const [index, name] of this.#rangeNames.entries()) {
        const range = float32Output(outputs, name, outputs[name]?.size ?? 0);
        hasWidened = cache.widen(index, range, past) || hasWidened;
      }
      if (!hasWidened || pass === MOST_WIDENINGS) return outputs;
    }
  }
}

function cacheOutput(outputs: InferenceSession.ReturnType, name: string, type: KvCacheType, length: number): KvArray {
  if (type === 'float32') return float32Output(outputs, name, length);
  const data = outputs[name]?.data;
  if (data instanceof Int8Array && data.length === length) return data;
  throw new BackendError('BACKEND_FAILED', `output ${name} is not int8 with ${length} values`);
}
