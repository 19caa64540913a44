import { notFinite } from './errors.js';
import type { Int4Scheme } from './scheme.js';

/** Rows of a matrix in int4 storage: value = (code - zero point of its block) * scale of its block. */
export interface Int4Rows {
  /** Two codes a byte, the earlier one in the low half; [rows, blocks, block size / 2]. */
  readonly codes: Uint8Array;
  /** [rows, blocks] */
  readonly scales: Float32Array;
  /** Two zero points a byte, the earlier one in the low half; [rows, ceil(blocks / 2)]. */
  readonly zeroPoints: Uint8Array;
}

const LAST_CODE = 15;
const MIDDLE_CODE = 8;
/**
 * Shares of the range that covers every value: finer steps inside cost a few clipped values at its ends, and often pay. Three
 * shares reach within 2 % of the error that twelve with every zero point reach, in a third of the time.
 */
const CLIPPING = [0.98, 0.9, 0.82] as const;
/** Adding and subtracting it rounds a float64 of small magnitude to a whole number, ties to even: 1.5 * 2 ** 52. */
const ROUNDER = 6_755_399_441_055_744;
/** With a larger scale the last code would stand for more than float32 holds. */
const LARGEST_SCALE = 2.268e37;

/**
 * Quantises rows of a matrix to 4 bits in blocks along the row; the last block of a row may be cut.
 *
 * `least-squares` tries scales that clip the range by different shares, fits each to the codes that it gives, and rounds
 * once more with the best. Its squared error is never above that of `max-abs`.
 *
 * @param values - float32 [rows, columns]
 * @param tensor - name for messages
 * @throws {ModelFormatError} `MODEL_DTYPE` when a value is not finite
 * @source the storage is that of ONNX Runtime's `MatMulNBits` (`ContribOperators.md`)
 */
export function quantizeInt4(
  values: Float32Array,
  columns: number,
  { blockSize, rounding }: Int4Scheme,
  tensor: string,
): Int4Rows {
  const rows = values.length / columns;
  const blocks = Math.ceil(columns / blockSize);
  const zeroPointBytes = Math.ceil(blocks / 2);
  const codes = new Uint8Array((rows * blocks * blockSize) / 2);
  const scales = new Float32Array(rows * blocks);
  const zeroPoints = new Uint8Array(rows * zeroPointBytes);
  const search = new BlockSearch();
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * columns + block * blockSize;
      const end = Math.min(start + blockSize, (row + 1) * columns);
      if (!search.measure(values, start, end)) throw notFinite(values, start, tensor);
      if (rounding === 'max-abs') search.takeLargest();
      else search.minimise(values, start, end);
      const index = row * blocks + block;
      scales[index] = search.scale;
      zeroPoints[row * zeroPointBytes + (block >> 1)]! |= search.zeroPoint << (4 * (block & 1));
      encodeBlock(
        values.subarray(start, end),
        search,
        codes.subarray((index * blockSize) / 2, ((index + 1) * blockSize) / 2),
      );
    }
  }
  return { codes, scales, zeroPoints };
}

/** A block's codes; places behind the row's end hold the zero point, which stands for zero. */
function encodeBlock(values: Float32Array, { scale, zeroPoint }: BlockSearch, codes: Uint8Array): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  const shift = zeroPoint + 0.5;
  for (let i = 0; i < codes.length; i++) {
    const low = codeOf(values[2 * i] ?? 0, inverse, shift);
    codes[i] = low | (codeOf(values[2 * i + 1] ?? 0, inverse, shift) << 4);
  }
}

function codeOf(value: number, inverse: number, shift: number): number {
  const place = value * inverse + shift;
  return place < 0 ? 0 : place > LAST_CODE ? LAST_CODE : place | 0;
}

/** Finds the scale and the zero point of one block after another. */
class BlockSearch {
  /** Rounded to float32. */
  scale = 0;
  zeroPoint = MIDDLE_CODE;
  #lowest = 0;
  #highest = 0;
  /** Sum of value * step and of step * step over the block, for the codes of the last trial. */
  #dot = 0;
  #norm = 0;
  /** Squared length of the block's best approximation: the error is the block's squared length less this. */
  #best = 0;

  /** Takes the range of a block that includes zero. Says whether all its values are finite. */
  measure(values: Float32Array, start: number, end: number): boolean {
    let [lowest, highest, sum] = [0, 0, 0];
    for (let i = start; i < end; i++) {
      const value = values[i]!;
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
      sum += value;
    }
    this.#lowest = lowest;
    this.#highest = highest;
    return Number.isFinite(sum);
  }

  /** The value of largest magnitude becomes the code at the end of the range, as in llama.cpp's Q4_0. */
  takeLargest(): void {
    const largest = this.#highest > -this.#lowest ? this.#highest : this.#lowest;
    this.scale = Math.fround(-largest / MIDDLE_CODE);
    this.zeroPoint = MIDDLE_CODE;
  }

  minimise(values: Float32Array, start: number, end: number): void {
    this.takeLargest();
    if (this.scale === 0) return;
    this.#fit(values, start, end, 1 / this.scale, MIDDLE_CODE);
    this.#best = this.scale * (2 * this.#dot - this.scale * this.#norm);
    this.#keepIfBetter(MIDDLE_CODE);
    const covering = (this.#highest - this.#lowest) / LAST_CODE;
    const middle = (this.#highest + this.#lowest) / 2;
    for (const share of CLIPPING) {
      const scale = covering * share;
      const zeroPoint = Math.round(LAST_CODE / 2 - middle / scale);
      this.#try(values, start, end, 1 / scale, Math.min(Math.max(zeroPoint, 0), LAST_CODE));
    }
    this.#try(values, start, end, 1 / this.scale, this.zeroPoint);
  }

  /** Rounds to steps, fits the scale to them, and keeps it if that is the best so far. */
  #try(values: Float32Array, start: number, end: number, inverse: number, zeroPoint: number): void {
    this.#fit(values, start, end, inverse, zeroPoint);
    this.#keepIfBetter(zeroPoint);
  }

  #keepIfBetter(zeroPoint: number): void {
    const gain = (this.#dot * this.#dot) / this.#norm;
    // False, too, when every step is zero and the gain is NaN.
    if (!(gain > this.#best)) return;
    const scale = Math.fround(this.#dot / this.#norm);
    if (scale === 0 || Math.abs(scale) > LARGEST_SCALE) return;
    this.#best = gain;
    this.scale = scale;
    this.zeroPoint = zeroPoint;
  }

  #fit(values: Float32Array, start: number, end: number, inverse: number, zeroPoint: number): void {
    const [lowest, highest] = [-zeroPoint, LAST_CODE - zeroPoint];
    let [dot, norm] = [0, 0];
    for (let i = start; i < end; i++) {
      const value = values[i]!;
      const place = value * inverse + ROUNDER - ROUNDER;
      const step = place < lowest ? lowest : place > highest ? highest : place;
      dot += value * step;
      norm += step * step;
    }
    this.#dot = dot;
    this.#norm = norm;
  }
}
