import { weightElementBytes, type WeightDtype } from '../tensors/float.js';
import type { Int4Rows } from './int4.js';
import type { QuantizationScheme } from './scheme.js';

/** Whole rows of a matrix as they lie in the checkpoint, in memory of their own or shared with other threads. */
export interface StoredRows {
  /** Little-endian, aligned to an element's size; [rows, columns]. */
  readonly bytes: Uint8Array;
  readonly dtype: WeightDtype;
  readonly columns: number;
}

export function rowCount({ bytes, dtype, columns }: StoredRows): number {
  return bytes.byteLength / (columns * weightElementBytes(dtype));
}

/** Rows in int8 storage with their codes transposed, as the product with activations reads them. */
export interface Int8Columns {
  /** -127..127, [columns, rows] */
  readonly codes: Int8Array;
  /** [rows] */
  readonly scales: Float32Array;
}

/** Bytes that rows take when they are quantised. */
export function quantizedBytes(rows: number, columns: number, scheme: QuantizationScheme): number {
  if (scheme.bits === 8) return rows * (4 + columns);
  const blocks = Math.ceil(columns / scheme.blockSize);
  return rows * (blocks * 4 + (blocks * scheme.blockSize) / 2 + Math.ceil(blocks / 2));
}

/** The arrays of rows in int4 storage, one behind the other at the beginning of a buffer. */
export function int4Rows(buffer: ArrayBufferLike, rows: number, columns: number, blockSize: number): Int4Rows {
  const blocks = Math.ceil(columns / blockSize);
  const scales = new Float32Array(buffer, 0, rows * blocks);
  const codes = new Uint8Array(buffer, scales.byteLength, (rows * blocks * blockSize) / 2);
  const zeroPoints = new Uint8Array(buffer, scales.byteLength + codes.byteLength, rows * Math.ceil(blocks / 2));
  return { codes, scales, zeroPoints };
}

/** The arrays of rows in int8 storage, one behind the other at the beginning of a buffer. */
export function int8Columns(buffer: ArrayBufferLike, rows: number, columns: number): Int8Columns {
  const scales = new Float32Array(buffer, 0, rows);
  return { scales, codes: new Int8Array(buffer, scales.byteLength, rows * columns) };
}
