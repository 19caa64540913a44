import { convertWeights } from '../tensors/float.js';
import { quantizeInt4, type Int4Rows } from './int4.js';
import type { StoredRows } from './rows.js';
import type { Int4Scheme } from './scheme.js';
import { simdInt4 } from './simd-int4.js';

/**
 * Quantises rows to int4 as fast as this machine can; the bytes are those of `quantizeInt4` on every machine.
 *
 * @param target - arrays of the rows' size
 * @param tensor - name for messages
 * @throws {ModelFormatError} `MODEL_DTYPE` when a value is not finite
 */
export function quantizeRows(rows: StoredRows, scheme: Int4Scheme, target: Int4Rows, tensor: string): void {
  if (simdInt4(rows, scheme, target) === true) return;
  // Without SIMD; or a value is not finite, and this finds it.
  const bits = convertWeights(rows.bytes.slice(), rows.dtype, 'float32', tensor);
  const values = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
  const { codes, scales, zeroPoints } = quantizeInt4(values, rows.columns, scheme, tensor);
  target.codes.set(codes);
  target.scales.set(scales);
  target.zeroPoints.set(zeroPoints);
}
