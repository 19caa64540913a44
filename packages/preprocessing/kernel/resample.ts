// The two passes of the resampler, and the normalisation, for WebAssembly with 128-bit SIMD, in AssemblyScript. `npm run build:kernel`
// compiles it.
//
// Arithmetic is that of `scalar-rows.ts`: 22-bit integer weights, 32-bit sums that begin with one half, an arithmetic shift, clamping to a byte.
// SIMD multiplies pairs of 16-bit numbers and adds the two products, but weights have 24 bits. Each weight is therefore stored as
// `high * 2^11 + low` with two sums; they are joined at the end. Sums wrap at 32 bits, so the joined sum is the exact one.
//
// Memory belongs to the caller (`simd-rows.ts`, `simd-normalize.ts`), who passes addresses and keeps 16 readable bytes behind every row.

/** The first and second of four RGB pixels as 16-bit pairs: (red, red), (green, green), (blue, blue), nothing. */
// prettier-ignore
const PIXELS_01: v128 = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
/** The third and fourth of them. */
// prettier-ignore
const PIXELS_23: v128 = i8x16(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);

const ROUNDING_HALF: v128 = i32x4.splat(1 << 21);

/** What the two sums stand for, as integers that saturating narrowing clamps to bytes. */
function joined(high: v128, low: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.shl(high, 11), low), 22);
}

function toBytes(pixel: v128): v128 {
  const words = i16x8.narrow_i32x4_s(pixel, pixel);
  return i8x16.narrow_i16x8_u(words, words);
}

/**
 * Resizes two rows of RGB pixels horizontally; both read the same weights.
 *
 * @param source - address of the upper row; the lower one begins `sourceStride` bytes behind
 * @param target - address of the upper result; one byte behind each row is overwritten
 * @param starts - for each of `width` outputs the offset in bytes of the first pixel it reads
 * @param weights - for each output `steps` times four taps: high and low of the first pair, high and low of the second, as 16-bit numbers
 */
// oxlint-disable-next-line max-params -- a WebAssembly function takes numbers, no objects
export function resizeRowPair(
  source: usize,
  sourceStride: usize,
  target: usize,
  targetStride: usize,
  starts: usize,
  weights: usize,
  width: i32,
  steps: i32,
): void {
  for (let x = 0; x < width; x++) {
    let upper = source + <usize>load<u32>(starts);
    let upperHigh = i32x4.splat(0);
    let upperLow = ROUNDING_HALF;
    let lowerHigh = i32x4.splat(0);
    let lowerLow = ROUNDING_HALF;
    for (let step = 0; step < steps; step++) {
      const high01 = v128.load32_splat(weights);
      const low01 = v128.load32_splat(weights, 4);
      const high23 = v128.load32_splat(weights, 8);
      const low23 = v128.load32_splat(weights, 12);
      let pixels = v128.load(upper);
      let pair = i8x16.swizzle(pixels, PIXELS_01);
      upperHigh = i32x4.add(upperHigh, i32x4.dot_i16x8_s(pair, high01));
      upperLow = i32x4.add(upperLow, i32x4.dot_i16x8_s(pair, low01));
      pair = i8x16.swizzle(pixels, PIXELS_23);
      upperHigh = i32x4.add(upperHigh, i32x4.dot_i16x8_s(pair, high23));
      upperLow = i32x4.add(upperLow, i32x4.dot_i16x8_s(pair, low23));
      pixels = v128.load(upper + sourceStride);
      pair = i8x16.swizzle(pixels, PIXELS_01);
      lowerHigh = i32x4.add(lowerHigh, i32x4.dot_i16x8_s(pair, high01));
      lowerLow = i32x4.add(lowerLow, i32x4.dot_i16x8_s(pair, low01));
      pair = i8x16.swizzle(pixels, PIXELS_23);
      lowerHigh = i32x4.add(lowerHigh, i32x4.dot_i16x8_s(pair, high23));
      lowerLow = i32x4.add(lowerLow, i32x4.dot_i16x8_s(pair, low23));
      weights += 16;
      upper += 12;
    }
    v128.store32_lane(target, toBytes(joined(upperHigh, upperLow)), 0);
    v128.store32_lane(target + targetStride, toBytes(joined(lowerHigh, lowerLow)), 0);
    starts += 4;
    target += 3;
  }
}

/**
 * Writes the weighted sum of rows, 16 bytes at a time.
 *
 * @param rows - addresses of `2 * pairs` rows
 * @param weights - for each pair of rows high and low of its two weights, as 16-bit numbers
 * @param length - bytes of a row; up to 15 more are written
 */
export function blendRows(rows: usize, weights: usize, pairs: i32, target: usize, length: usize): void {
  for (let at: usize = 0; at < length; at += 16) {
    let high0 = i32x4.splat(0);
    let high1 = i32x4.splat(0);
    let high2 = i32x4.splat(0);
    let high3 = i32x4.splat(0);
    let low0 = ROUNDING_HALF;
    let low1 = ROUNDING_HALF;
    let low2 = ROUNDING_HALF;
    let low3 = ROUNDING_HALF;
    let row = rows;
    let weight = weights;
    for (let pair = 0; pair < pairs; pair++) {
      const upper = v128.load(<usize>load<u32>(row) + at);
      const lower = v128.load(<usize>load<u32>(row, 4) + at);
      const high = v128.load32_splat(weight);
      const low = v128.load32_splat(weight, 4);
      const left = i8x16.shuffle(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const right = i8x16.shuffle(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      let values = i16x8.extend_low_i8x16_u(left);
      high0 = i32x4.add(high0, i32x4.dot_i16x8_s(values, high));
      low0 = i32x4.add(low0, i32x4.dot_i16x8_s(values, low));
      values = i16x8.extend_high_i8x16_u(left);
      high1 = i32x4.add(high1, i32x4.dot_i16x8_s(values, high));
      low1 = i32x4.add(low1, i32x4.dot_i16x8_s(values, low));
      values = i16x8.extend_low_i8x16_u(right);
      high2 = i32x4.add(high2, i32x4.dot_i16x8_s(values, high));
      low2 = i32x4.add(low2, i32x4.dot_i16x8_s(values, low));
      values = i16x8.extend_high_i8x16_u(right);
      high3 = i32x4.add(high3, i32x4.dot_i16x8_s(values, high));
      low3 = i32x4.add(low3, i32x4.dot_i16x8_s(values, low));
      row += 8;
      weight += 8;
    }
    const first = i16x8.narrow_i32x4_s(joined(high0, low0), joined(high1, low1));
    const second = i16x8.narrow_i32x4_s(joined(high2, low2), joined(high3, low3));
    v128.store(target + at, i8x16.narrow_i16x8_u(first, second));
  }
}

/** The channels of four RGB pixels as 32-bit integers. */
// prettier-ignore
const RED: v128 = i8x16(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1);
// prettier-ignore
const GREEN: v128 = i8x16(1, -1, -1, -1, 4, -1, -1, -1, 7, -1, -1, -1, 10, -1, -1, -1);
// prettier-ignore
const BLUE: v128 = i8x16(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1);

function normalized(channel: v128, mean: v128, std: v128): v128 {
  return f32x4.div(f32x4.sub(f32x4.div(f32x4.convert_i32x4_u(channel), f32x4.splat(255)), mean), std);
}

/**
 * Parts the channels of RGB pixels and normalises them: `(x / 255 - mean) / std`, each step rounded to float32.
 *
 * @param target - address of three rows of float32, `planeBytes` apart; up to three values behind each are overwritten
 * @param constants - address of the three means, then the three deviations, float32
 */
export function normalizeRow(source: usize, target: usize, planeBytes: usize, width: i32, constants: usize): void {
  const redMean = v128.load32_splat(constants);
  const greenMean = v128.load32_splat(constants, 4);
  const blueMean = v128.load32_splat(constants, 8);
  const redStd = v128.load32_splat(constants, 12);
  const greenStd = v128.load32_splat(constants, 16);
  const blueStd = v128.load32_splat(constants, 20);
  for (let x = 0; x < width; x += 4) {
    const pixels = v128.load(source);
    v128.store(target, normalized(i8x16.swizzle(pixels, RED), redMean, redStd));
    v128.store(target + planeBytes, normalized(i8x16.swizzle(pixels, GREEN), greenMean, greenStd));
    v128.store(target + 2 * planeBytes, normalized(i8x16.swizzle(pixels, BLUE), blueMean, blueStd));
    source += 12;
    target += 16;
  }
}
