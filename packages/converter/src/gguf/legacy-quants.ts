import { readHalf } from './half.js';

/** Writes the values of a block at `from` of the source to `to` of the target. */
export type BlockDequantizer = (source: Uint8Array, from: number, target: Float32Array, to: number) => void;

const HALF_BLOCK = 16;

/*
 * Blocks of 32 values. A float32 array rounds what is stored into it, so that one product of two float32 needs no more;
 * where a sum follows, the product is rounded first, as in the reference.
 *
 * Source: ggml `ggml-quants.c`, `dequantize_row_q4_0` and its neighbours; layouts in `ggml-common.h`.
 */

/** Scale, 16 bytes of nibbles: d * (q - 8). */
export const dequantizeQ4_0: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from);
  for (let i = 0; i < HALF_BLOCK; i++) {
    const byte = source[from + 2 + i]!;
    target[to + i] = scale * ((byte & 15) - 8);
    target[to + i + HALF_BLOCK] = scale * ((byte >> 4) - 8);
  }
};

/** Scale, minimum, 16 bytes of nibbles: d * q + m. */
export const dequantizeQ4_1: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from);
  const minimum = readHalf(source, from + 2);
  for (let i = 0; i < HALF_BLOCK; i++) {
    const byte = source[from + 4 + i]!;
    target[to + i] = Math.fround(scale * (byte & 15)) + minimum;
    target[to + i + HALF_BLOCK] = Math.fround(scale * (byte >> 4)) + minimum;
  }
};

/** Scale, 32 fifth bits, 16 bytes of nibbles: d * (q - 16). */
export const dequantizeQ5_0: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from);
  for (let i = 0; i < HALF_BLOCK; i++) {
    const byte = source[from + 6 + i]!;
    target[to + i] = scale * (((byte & 15) | fifthBit(source, from + 2, i)) - 16);
    target[to + i + HALF_BLOCK] = scale * (((byte >> 4) | fifthBit(source, from + 2, i + HALF_BLOCK)) - 16);
  }
};

/** Scale, minimum, 32 fifth bits, 16 bytes of nibbles: d * q + m. */
export const dequantizeQ5_1: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from);
  const minimum = readHalf(source, from + 2);
  for (let i = 0; i < HALF_BLOCK; i++) {
    const byte = source[from + 8 + i]!;
    const low = (byte & 15) | fifthBit(source, from + 4, i);
    const high = (byte >> 4) | fifthBit(source, from + 4, i + HALF_BLOCK);
    target[to + i] = Math.fround(scale * low) + minimum;
    target[to + i + HALF_BLOCK] = Math.fround(scale * high) + minimum;
  }
};

function fifthBit(source: Uint8Array, bits: number, index: number): number {
  return ((source[bits + (index >> 3)]! >> (index & 7)) & 1) << 4;
}

/** Scale, 32 signed bytes: d * q. */
export const dequantizeQ8_0: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from);
  for (let i = 0; i < 32; i++) target[to + i] = scale * ((source[from + 2 + i]! << 24) >> 24);
};
