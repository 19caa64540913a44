import { Tensor } from 'onnxruntime-common';
import type { KvShape } from './kv-cache.js';
import { int8Names } from './onnx-file/int8-cache.js';

const INT8_MAX = 127;
/** Room above the largest value seen, so that slightly larger ones do not widen the scale again. */
const MARGIN = 1.1;
/** Scale of a channel in which nothing but zeros was seen. */
const LEAST_SCALE = 1e-12;
/** Largest magnitude that the very first pass can hold: wide enough for its attention to make sense. */
const FIRST_RANGE = 16;

/**
 * What one step of each channel of an int8 cache is worth: per tensor (key, value, key, ...) `[kvHeads, headDim]`. Scales
 * follow the sequence: its first pass sets them, then they only grow.
 */
export class CacheScales {
  readonly #shape: KvShape;
  readonly #scales: readonly Float32Array[];
  readonly #isSet: boolean[];
  readonly inputs: Readonly<Record<string, Tensor>>;

  constructor(shape: KvShape, from?: CacheScales) {
    const { kvHeads, headDim, layers } = shape;
    this.#shape = shape;
    this.#scales =
      from === undefined
        ? Array.from({ length: 2 * layers }, () => new Float32Array(kvHeads * headDim).fill(FIRST_RANGE / INT8_MAX))
        : from.#scales.map((scales) => scales.slice());
    this.#isSet = from === undefined ? this.#scales.map(() => false) : [...from.#isSet];
    const dims = [1, kvHeads, 1, headDim];
    const names = int8Names(shape, 'scale');
    this.inputs = Object.fromEntries(names.map((name, i) => [name, new Tensor('float32', this.#scales[i]!, dims)]));
  }

  copy(): CacheScales {
    return new CacheScales(this.#shape, this);
  }

  /**
   * Widens the scales of tensor `index` so that magnitudes up to `range` fit; the first time it sets them to that.
   *
   * @param range - `[kvHeads, headDim]`, or `[kvHeads, headDim / 2]` where it holds for both halves
   * @returns old over new scale of each channel, or undefined when all fitted before
   */
  widen(index: number, range: Float32Array): Float32Array | undefined {
    const { headDim } = this.#shape;
    const scales = this.#scales[index]!;
    const width = (range.length * headDim) / scales.length;
    const isFirst = !this.#isSet[index];
    this.#isSet[index] = true;
    let ratios: Float32Array | undefined;
    for (let channel = 0; channel < scales.length; channel++) {
      const head = Math.floor(channel / headDim);
      const largest = range[head * width + (channel % width)]!;
      const old = scales[channel]!;
      // The comparison is false for NaN, which no scale would hold.
      if (!isFirst && !(largest > old * INT8_MAX)) continue;
      ratios ??= new Float32Array(scales.length).fill(1);
      scales[channel] = Math.max((largest * MARGIN) / INT8_MAX, LEAST_SCALE);
      ratios[channel] = old / scales[channel]!;
    }
    return ratios;
  }
}
