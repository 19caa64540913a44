import { weightElementBytes, type WeightDtype } from '../tensors/float.js';
import type { Int4Rows } from './int4.js';

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

/** Bytes that rows take in int4 storage. */
export function int4Bytes(rows: number, columns: number, blockSize: number): number {
  const blocks = Math.ceil(columns / blockSize);
  return rows * (blocks * 4 + (blocks * blockSize) / 2 + Math.ceil(blocks / 2));
}

/** The three arrays of rows in int4 storage, one behind the other at the beginning of a buffer. */
export function int4Rows(buffer: ArrayBufferLike, rows: number, columns: number, blockSize: number): Int4Rows {
  const blocks = Math.ceil(columns / blockSize);
  const scales = new Float32Array(buffer, 0, rows * blocks);
  const codes = new Uint8Array(buffer, scales.byteLength, (rows * blocks * blockSize) / 2);
  const zeroPoints = new Uint8Array(buffer, scales.byteLength + codes.byteLength, rows * Math.ceil(blocks / 2));
  return { codes, scales, zeroPoints };
}
