import { readHalf } from './half.js';
import type { BlockDequantizer } from './legacy-quants.js';

/*
 * Blocks of 256 values with scales of their own for groups of 16 or 32. Products are rounded to float32 where the
 * reference has a float variable.
 *
 * Source: ggml `ggml-quants.c`, `dequantize_row_q2_K` and its neighbours; layouts in `ggml-common.h`.
 */

/** 16 bytes of scales and minima (4 bits each), 64 bytes of 2-bit codes, d, dmin. */
export const dequantizeQ2_K: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from + 80);
  const minimum = readHalf(source, from + 82);
  for (let group = 0; group < 16; group++) {
    const byte = source[from + group]!;
    const step = Math.fround(scale * (byte & 15));
    const offset = Math.fround(minimum * (byte >> 4));
    const codes = from + 16 + (group >> 3) * 32 + (group & 1) * 16;
    const shift = ((group >> 1) & 3) * 2;
    for (let i = 0; i < 16; i++) {
      target[to + group * 16 + i] = Math.fround(step * ((source[codes + i]! >> shift) & 3)) - offset;
    }
  }
};

/** 32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of 6-bit scales, d. */
export const dequantizeQ3_K: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from + 108);
  for (let group = 0; group < 16; group++) {
    const scales = from + 96;
    const low = group < 8 ? source[scales + group]! & 15 : source[scales + group - 8]! >> 4;
    const high = (source[scales + 8 + (group & 3)]! >> ((group >> 2) * 2)) & 3;
    const step = Math.fround(scale * ((low | (high << 4)) - 32));
    const half = (group & 1) * 16;
    const codes = from + 32 + (group >> 3) * 32 + half;
    const shift = ((group >> 1) & 3) * 2;
    const thirdBit = group >> 1;
    for (let i = 0; i < 16; i++) {
      const below = (source[from + half + i]! >> thirdBit) & 1 ? 0 : 4;
      target[to + group * 16 + i] = step * (((source[codes + i]! >> shift) & 3) - below);
    }
  }
};

/** d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of nibbles. */
export const dequantizeQ4_K: BlockDequantizer = (source, from, target, to) => {
  for (let group = 0; group < 8; group++) {
    const { step, offset } = groupScale(source, from, group);
    const codes = from + 16 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      target[to + group * 32 + i] = Math.fround(step * ((source[codes + i]! >> shift) & 15)) - offset;
    }
  }
};

/** As Q4_K, with 32 bytes of fifth bits before the nibbles. */
export const dequantizeQ5_K: BlockDequantizer = (source, from, target, to) => {
  for (let group = 0; group < 8; group++) {
    const { step, offset } = groupScale(source, from, group);
    const codes = from + 48 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const code = ((source[codes + i]! >> shift) & 15) | (((source[from + 16 + i]! >> group) & 1) << 4);
      target[to + group * 32 + i] = Math.fround(step * code) - offset;
    }
  }
};

/** Scale and minimum of a group of 32: `get_scale_min_k4`. */
function groupScale(source: Uint8Array, from: number, group: number): { step: number; offset: number } {
  const scales = from + 4;
  let scale: number;
  let minimum: number;
  if (group < 4) {
    scale = source[scales + group]! & 63;
    minimum = source[scales + group + 4]! & 63;
  } else {
    scale = (source[scales + group + 4]! & 15) | ((source[scales + group - 4]! >> 6) << 4);
    minimum = (source[scales + group + 4]! >> 4) | ((source[scales + group]! >> 6) << 4);
  }
  return {
    step: Math.fround(readHalf(source, from) * scale),
    offset: Math.fround(readHalf(source, from + 2) * minimum),
  };
}

/** 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, d. */
export const dequantizeQ6_K: BlockDequantizer = (source, from, target, to) => {
  const scale = readHalf(source, from + 208);
  for (let group = 0; group < 16; group++) {
    const step = Math.fround(scale * ((source[from + 192 + group]! << 24) >> 24));
    const half = group >> 3;
    const quarter = (group >> 1) & 3;
    const within = (group & 1) * 16;
    const lows = from + half * 64 + (quarter & 1) * 32 + within;
    const highs = from + 128 + half * 32 + within;
    for (let i = 0; i < 16; i++) {
      const low = (source[lows + i]! >> ((quarter >> 1) * 4)) & 15;
      const high = (source[highs + i]! >> (quarter * 2)) & 3;
      target[to + group * 16 + i] = step * ((low | (high << 4)) - 32);
    }
  }
};
