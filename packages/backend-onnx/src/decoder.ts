import { Tensor } from 'onnxruntime-common';
import { float32Output } from './graph-session.js';
import type { GraphRunner } from './graph-runner.js';
import { tensorNames } from './kv-cache.js';
import type { KvCache, KvShape } from './kv-cache.js';

export interface DecoderShape extends KvShape {
  readonly hiddenSize: number;
  readonly vocabSize: number;
}

const CONTROL_INPUTS = ['seqlens_k', 'total_sequence_length', 'kv_start', 'kv_end', 'logits_index'] as const;

export function decoderInputs(shape: KvShape): readonly string[] {
  return ['inputs_embeds', ...CONTROL_INPUTS, ...tensorNames(shape, 'past')];
}

export function decoderOutputs(shape: KvShape): readonly string[] {
  return ['logits', ...tensorNames(shape, 'new')];
}

/** One pass of the decoder graph: embeddings in, logits of chosen rows out, new cache rows written in place. */
export class Decoder {
  readonly shape: DecoderShape;
  readonly #graph: GraphRunner;
  readonly #outputNames: readonly string[];

  constructor(graph: GraphRunner, shape: DecoderShape) {
    this.#graph = graph;
    this.shape = shape;
    this.#outputNames = tensorNames(shape, 'new');
  }

  /**
   * @param embeddings - `[count, hiddenSize]`
   * @param options.past - positions already in the cache; it has room for `past + count`
   * @param options.rows - rows of this chunk that get logits, at least one
   * @returns logits `[rows, vocabSize]`; the cache holds `past + count` positions afterwards
   */
  async run(
    embeddings: Float32Array,
    cache: KvCache,
    options: { readonly past: number; readonly rows: readonly number[] },
  ): Promise<Float32Array> {
    const { hiddenSize, kvHeads, headDim, vocabSize } = this.shape;
    const count = embeddings.length / hiddenSize;
    const { past, rows } = options;
    const feeds = {
      inputs_embeds: new Tensor('float32', embeddings, [1, count, hiddenSize]),
      seqlens_k: new Tensor('int32', Int32Array.of(past + count - 1), [1]),
      total_sequence_length: new Tensor('int32', Int32Array.of(past + count), []),
      kv_start: new Tensor('int64', BigInt64Array.of(BigInt(past)), [1]),
      kv_end: new Tensor('int64', BigInt64Array.of(BigInt(past + count)), [1]),
      logits_index: new Tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length]),
      ...cache.inputs,
    };
    const outputs = await this.#graph.use((session) => session.run(feeds));
    this.#outputNames.forEach((name, index) => {
      cache.write(index, float32Output(outputs, name, kvHeads * count * headDim), past, count);
    });
    return float32Output(outputs, 'logits', rows.length * vocabSize);
  }

  dispose(): Promise<void> {
    return this.#graph.dispose();
  }
}
