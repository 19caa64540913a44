import { dequantizeQ2_K, dequantizeQ3_K, dequantizeQ4_K, dequantizeQ5_K, dequantizeQ6_K } from './k-quants.js';
import {
  dequantizeQ4_0,
  dequantizeQ4_1,
  dequantizeQ5_0,
  dequantizeQ5_1,
  dequantizeQ8_0,
  type BlockDequantizer,
} from './legacy-quants.js';

/** A storage type of ggml: blocks of so many values in so many bytes. */
export interface GgmlType {
  readonly name: string;
  readonly blockValues: number;
  readonly blockBytes: number;
  /** Absent for floating-point numbers, which are read as they are. */
  readonly dequantize?: BlockDequantizer;
  /** The checkpoint's name of a floating-point type. */
  readonly float?: 'F32' | 'F16' | 'BF16';
}

/**
 * The types that are read, by their number in a file.
 *
 * @source ggml `ggml.h` (`enum ggml_type`)
 */
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map<number, GgmlType>([
  [0, { name: 'F32', blockValues: 1, blockBytes: 4, float: 'F32' }],
  [1, { name: 'F16', blockValues: 1, blockBytes: 2, float: 'F16' }],
  [2, { name: 'Q4_0', blockValues: 32, blockBytes: 18, dequantize: dequantizeQ4_0 }],
  [3, { name: 'Q4_1', blockValues: 32, blockBytes: 20, dequantize: dequantizeQ4_1 }],
  [6, { name: 'Q5_0', blockValues: 32, blockBytes: 22, dequantize: dequantizeQ5_0 }],
  [7, { name: 'Q5_1', blockValues: 32, blockBytes: 24, dequantize: dequantizeQ5_1 }],
  [8, { name: 'Q8_0', blockValues: 32, blockBytes: 34, dequantize: dequantizeQ8_0 }],
  [10, { name: 'Q2_K', blockValues: 256, blockBytes: 84, dequantize: dequantizeQ2_K }],
  [11, { name: 'Q3_K', blockValues: 256, blockBytes: 110, dequantize: dequantizeQ3_K }],
  [12, { name: 'Q4_K', blockValues: 256, blockBytes: 144, dequantize: dequantizeQ4_K }],
  [13, { name: 'Q5_K', blockValues: 256, blockBytes: 176, dequantize: dequantizeQ5_K }],
  [14, { name: 'Q6_K', blockValues: 256, blockBytes: 210, dequantize: dequantizeQ6_K }],
  [30, { name: 'BF16', blockValues: 1, blockBytes: 2, float: 'BF16' }],
]);

/** Dequantises whole blocks. */
export function dequantizeBlocks(type: GgmlType, source: Uint8Array): Float32Array<ArrayBuffer> {
  const blocks = source.byteLength / type.blockBytes;
  const target = new Float32Array(blocks * type.blockValues);
  for (let block = 0; block < blocks; block++) {
    type.dequantize?.(source, block * type.blockBytes, target, block * type.blockValues);
  }
  return target;
}
