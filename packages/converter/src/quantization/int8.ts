import { notFinite } from './errors.js';

/** Rows of a matrix in int8 storage: value = code * scale of its row. */
export interface Int8Rows {
  /** -127..127, [rows, columns] */
  readonly codes: Int8Array<ArrayBuffer>;
  /** [rows] */
  readonly scales: Float32Array<ArrayBuffer>;
}

const LAST_CODE = 127;
/** With a larger scale the last code would stand for more than float32 holds. */
const LARGEST_SCALE = 2.679e36;
/** Adding and subtracting it rounds a float64 of small magnitude to a whole number, ties to even: 1.5 * 2 ** 52. */
const ROUNDER = 6_755_399_441_055_744;

/**
 * Quantises rows of a matrix to signed 8 bits, one scale a row, from its largest value; zero stays zero.
 *
 * A search for a better scale, as int4 has it, takes a thousandth of the error away at 8 bits: it is not worth its time.
 *
 * @param values - float32 [rows, columns]
 * @param tensor - name for messages
 * @throws {ModelFormatError} `MODEL_DTYPE` when a value is not finite
 */
export function quantizeInt8(values: Float32Array, columns: number, tensor: string): Int8Rows {
  const rows = values.length / columns;
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const end = start + columns;
    const largest = largestMagnitude(values, start, end);
    if (Number.isNaN(largest)) throw notFinite(values, start, tensor);
    const scale = Math.fround(Math.min(largest / LAST_CODE, LARGEST_SCALE));
    scales[row] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = start; i < end; i++) codes[i] = codeOf(values[i]!, inverse);
  }
  return { codes, scales };
}

/** NaN when a value is not finite. */
function largestMagnitude(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const value = Math.abs(values[i]!);
    if (value > largest) largest = value;
    sum += value;
  }
  return Number.isFinite(sum) ? largest : NaN;
}

function codeOf(value: number, inverse: number): number {
  const code = value * inverse + ROUNDER - ROUNDER;
  return code < -LAST_CODE ? -LAST_CODE : code > LAST_CODE ? LAST_CODE : code;
}
