import { convertWeights } from '../tensors/float.js';
import { scatterTransposed } from '../tensors/transpose.js';
import { quantizeInt4, type Int4Rows } from './int4.js';
import { quantizeInt8 } from './int8.js';
import { rowCount, type Int8Columns, type StoredRows } from './rows.js';
import type { Int4Scheme } from './scheme.js';
import { simdInt4 } from './simd-int4.js';
import { simdInt8 } from './simd-int8.js';

/**
 * Quantises rows to int4 as fast as this machine can; the bytes are those of `quantizeInt4` on every machine.
 *
 * @param target - arrays of the rows' size
 * @param tensor - name for messages
 * @throws {ModelFormatError} `MODEL_DTYPE` when a value is not finite
 */
export function quantizeRowsToInt4(rows: StoredRows, scheme: Int4Scheme, target: Int4Rows, tensor: string): void {
  if (simdInt4(rows, scheme, target) === true) return;
  // Without SIMD; or a value is not finite, and this finds it.
  const { codes, scales, zeroPoints } = quantizeInt4(floatsOf(rows, tensor), rows.columns, scheme, tensor);
  target.codes.set(codes);
  target.scales.set(scales);
  target.zeroPoints.set(zeroPoints);
}

/** `quantizeRowsToInt4` for int8: the bytes are those of `quantizeInt8`, transposed. */
export function quantizeRowsToInt8(rows: StoredRows, target: Int8Columns, tensor: string): void {
  if (simdInt8(rows, target) === true) return;
  const { codes, scales } = quantizeInt8(floatsOf(rows, tensor), rows.columns, tensor);
  const height = rowCount(rows);
  const selected = Int32Array.from({ length: rows.columns }, (_, column) => column);
  scatterTransposed({ bits: codes, rows: height }, rows.columns, selected, { bits: target.codes, height, row: 0 });
  target.scales.set(scales);
}

function floatsOf({ bytes, dtype }: StoredRows, tensor: string): Float32Array {
  const bits = convertWeights(bytes.slice(), dtype, 'float32', tensor);
  return new Float32Array(bits.buffer, bits.byteOffset, bits.length);
}
