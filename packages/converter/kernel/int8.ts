// Quantises a row of weights to signed 8 bits. Arithmetic is that of `src/quantization/int8.ts`, in float64: the bytes are the same.

import { loadFour } from './load';

const SMALLEST_CODE: v128 = f64x2.splat(-127);
const LARGEST_CODE: v128 = f64x2.splat(127);
const LARGEST_SCALE: f64 = 2.679e36;
/** 1.5 * 2 ** 52: added to a number of small magnitude, it rounds that, ties to even, and leaves the integer in the lower half. */
const ROUNDER: v128 = f64x2.splat(6755399441055744.0);

/** Codes of two float32 in the lower halves of 64 bits each. */
function codesOfTwo(values: v128, inverse: v128): v128 {
  const place = f64x2.mul(f64x2.promote_low_f32x4(values), inverse);
  return f64x2.add(f64x2.pmin(f64x2.pmax(place, SMALLEST_CODE), LARGEST_CODE), ROUNDER);
}

/** Codes of four float32, 32 bits each. */
function codesOfFour(values: v128, inverse: v128): v128 {
  const low = codesOfTwo(values, inverse);
  const high = codesOfTwo(v128.shuffle<f32>(values, values, 2, 3, 2, 3), inverse);
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6);
}

/**
 * Quantises a row.
 *
 * @param source - address of the values
 * @param dtype - 0 for float32, 1 for float16, 2 for bfloat16
 * @param length - values of the row, a multiple of eight
 * @param codes - address of a byte for each value
 * @param scale - address of the row's float32
 * @returns 1 if every value is finite; what was written means nothing otherwise
 */
export function quantizeRow(source: usize, dtype: i32, length: i32, codes: usize, scale: usize): i32 {
  const fourBytes: usize = dtype === 0 ? 16 : 8;
  const end = source + <usize>(length >> 2) * fourBytes;
  let largest = f32x4.splat(0);
  let broken = f32x4.splat(0);
  for (let at = source; at < end; at += fourBytes) {
    const values = loadFour(at, dtype);
    largest = f32x4.pmax(largest, f32x4.abs(values));
    broken = f32x4.add(broken, f32x4.sub(values, values));
  }
  if (v128.any_true(f32x4.ne(broken, broken))) return 0;
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 2, 3, 2, 3));
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 1, 1, 1, 1));
  const rowScale = <f32>min(<f64>f32x4.extract_lane(largest, 0) / 127, LARGEST_SCALE);
  store<f32>(scale, rowScale);
  const inverse = f64x2.splat(rowScale === 0 ? 0 : 1 / <f64>rowScale);
  for (let at = source; at < end; at += 2 * fourBytes) {
    const low = codesOfFour(loadFour(at, dtype), inverse);
    const high = codesOfFour(loadFour(at + fourBytes, dtype), inverse);
    const words = i16x8.narrow_i32x4_s(low, high);
    v128.store64_lane(codes, i8x16.narrow_i16x8_s(words, words), 0);
    codes += 8;
  }
  return 1;
}
