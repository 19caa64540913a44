// Quantises blocks of weights to 4 bits, for WebAssembly with 128-bit SIMD, in AssemblyScript. `npm run build:kernel` compiles it.
//
// Arithmetic is that of `src/quantization/int4.ts`, operation by operation in float64: the bytes are the same. Sums depend on the order of their
// terms: the two lanes of a vector hold two blocks, and each lane sums one of them from its first value to its last.
//
// Memory belongs to the caller (`simd-int4.ts`), who passes addresses. Blocks have whole multiples of eight values.

import { loadFour } from './load';

const ZERO: v128 = f64x2.splat(0);
const HALF: v128 = f64x2.splat(0.5);
const ONE: v128 = f64x2.splat(1);
const TWO: v128 = f64x2.splat(2);
const MIDDLE_CODE: v128 = f64x2.splat(8);
/** Middle of the range of codes. */
const MIDDLE: v128 = f64x2.splat(7.5);
const LAST_CODE: v128 = f64x2.splat(15);
const CODES: v128 = f64x2.splat(16);
/** 2 ** 52: added to a whole number below 2 ** 32, it leaves that number in the lower half of the float64. */
const WHOLE: v128 = f64x2.splat(4503599627370496.0);
const LARGEST_SCALE: v128 = f64x2.splat(2.268e37);

/** Lanes 0 and 1: the smallest of four float32, and another four. */
function smallest(a: v128, b: v128): v128 {
  const pairs = f32x4.pmin(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  return f64x2.promote_low_f32x4(f32x4.pmin(pairs, v128.shuffle<f32>(pairs, pairs, 2, 3, 2, 3)));
}

function largest(a: v128, b: v128): v128 {
  const pairs = f32x4.pmax(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  return f64x2.promote_low_f32x4(f32x4.pmax(pairs, v128.shuffle<f32>(pairs, pairs, 2, 3, 2, 3)));
}

/** Range of the two blocks that `spread` was called with, zero included. */
let lowest: v128 = f64x2.splat(0);
let highest: v128 = f64x2.splat(0);

/**
 * Lays two blocks out as pairs of float64, value by value, and measures their ranges.
 *
 * @returns four float32 that are all zero if every value is finite, and NaN in one of them if not
 */
function spread(source: usize, dtype: i32, elementBytes: usize, blockSize: i32, pairs: usize): v128 {
  const other = <usize>blockSize * elementBytes;
  let lowA = f32x4.splat(0);
  let highA = f32x4.splat(0);
  let lowB = f32x4.splat(0);
  let highB = f32x4.splat(0);
  let broken = f32x4.splat(0);
  for (let i = 0; i < blockSize; i += 4) {
    const a = loadFour(source, dtype);
    const b = loadFour(source + other, dtype);
    lowA = f32x4.pmin(lowA, a);
    highA = f32x4.pmax(highA, a);
    lowB = f32x4.pmin(lowB, b);
    highB = f32x4.pmax(highB, b);
    broken = f32x4.add(broken, f32x4.add(f32x4.sub(a, a), f32x4.sub(b, b)));
    const left = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const right = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    v128.store(pairs, f64x2.promote_low_f32x4(left));
    v128.store(pairs, f64x2.promote_low_f32x4(v128.shuffle<f32>(left, left, 2, 3, 2, 3)), 16);
    v128.store(pairs, f64x2.promote_low_f32x4(right), 32);
    v128.store(pairs, f64x2.promote_low_f32x4(v128.shuffle<f32>(right, right, 2, 3, 2, 3)), 48);
    source += 4 * elementBytes;
    pairs += 64;
  }
  lowest = smallest(lowA, lowB);
  highest = largest(highA, highB);
  return broken;
}

function rounded(value: v128): v128 {
  return f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(value));
}

/** `value * inverse`, rounded to whole steps from `first` to `last`; ties to even. */
function stepsOf(value: v128, inverse: v128, first: v128, last: v128): v128 {
  const place = f64x2.nearest(f64x2.mul(value, inverse));
  return f64x2.pmin(f64x2.pmax(place, first), last);
}

/** Whole number nearest to `value`, the larger one of two, as `Math.round`; from 0 to 15. */
function nearestCode(value: v128): v128 {
  const below = f64x2.floor(value);
  const isUp = f64x2.ge(f64x2.sub(value, below), HALF);
  const whole = f64x2.add(below, v128.and(isUp, ONE));
  return f64x2.pmin(f64x2.pmax(whole, ZERO), LAST_CODE);
}

/** Scale and zero point of the two blocks, and the gain with them. */
let scale: v128 = f64x2.splat(0);
let zeroPoint: v128 = f64x2.splat(0);
let best: v128 = f64x2.splat(0);

/** Takes the fitted scale where it is better than the best so far. */
function keepIfBetter(dot: v128, norm: v128, trialZero: v128): void {
  const gain = f64x2.div(f64x2.mul(dot, dot), norm);
  const fitted = rounded(f64x2.div(dot, norm));
  const isUsable = v128.and(f64x2.ne(fitted, ZERO), f64x2.le(f64x2.abs(fitted), LARGEST_SCALE));
  const isBetter = v128.and(f64x2.gt(gain, best), isUsable);
  best = v128.bitselect(gain, best, isBetter);
  scale = v128.bitselect(fitted, scale, isBetter);
  zeroPoint = v128.bitselect(trialZero, zeroPoint, isBetter);
}

/** As `BlockSearch.takeLargest`. */
function takeLargest(): void {
  const isHighest = f64x2.gt(highest, f64x2.neg(lowest));
  scale = rounded(f64x2.div(f64x2.neg(v128.bitselect(highest, lowest, isHighest)), MIDDLE_CODE));
  zeroPoint = MIDDLE_CODE;
}

/** Sums of the last two trials: value * step and step * step, over each block. */
let dotA: v128 = f64x2.splat(0);
let normA: v128 = f64x2.splat(0);
let dotB: v128 = f64x2.splat(0);
let normB: v128 = f64x2.splat(0);

/** As `BlockSearch.#fit`, for one trial. */
function fit(pairs: usize, blockSize: i32, inverse: v128, zero: v128): void {
  const end = pairs + <usize>blockSize * 16;
  const first = f64x2.neg(zero);
  const last = f64x2.sub(LAST_CODE, zero);
  let dot = ZERO;
  let norm = ZERO;
  for (let at = pairs; at < end; at += 16) {
    const value = v128.load(at);
    const steps = stepsOf(value, inverse, first, last);
    dot = f64x2.add(dot, f64x2.mul(value, steps));
    norm = f64x2.add(norm, f64x2.mul(steps, steps));
  }
  dotA = dot;
  normA = norm;
}

/** `fit` for two trials in one pass: the sums of one are added up while those of the other are waited for. */
// oxlint-disable-next-line max-params -- vectors cannot be put into an object
function fitTwo(pairs: usize, blockSize: i32, inverseA: v128, zeroA: v128, inverseB: v128, zeroB: v128): void {
  const end = pairs + <usize>blockSize * 16;
  const firstA = f64x2.neg(zeroA);
  const firstB = f64x2.neg(zeroB);
  const lastA = f64x2.sub(LAST_CODE, zeroA);
  const lastB = f64x2.sub(LAST_CODE, zeroB);
  let dot0 = ZERO;
  let dot1 = ZERO;
  let norm0 = ZERO;
  let norm1 = ZERO;
  for (let at = pairs; at < end; at += 16) {
    const value = v128.load(at);
    const stepsA = stepsOf(value, inverseA, firstA, lastA);
    dot0 = f64x2.add(dot0, f64x2.mul(value, stepsA));
    norm0 = f64x2.add(norm0, f64x2.mul(stepsA, stepsA));
    const stepsB = stepsOf(value, inverseB, firstB, lastB);
    dot1 = f64x2.add(dot1, f64x2.mul(value, stepsB));
    norm1 = f64x2.add(norm1, f64x2.mul(stepsB, stepsB));
  }
  dotA = dot0;
  normA = norm0;
  dotB = dot1;
  normB = norm1;
}

/** As `BlockSearch.minimise`: the first four trials do not depend on each other. */
function minimise(pairs: usize, blockSize: i32): void {
  takeLargest();
  const start = scale;
  const covering = f64x2.div(f64x2.sub(highest, lowest), LAST_CODE);
  const middle = f64x2.div(f64x2.add(highest, lowest), TWO);
  const scale1 = f64x2.mul(covering, f64x2.splat(0.98));
  const scale2 = f64x2.mul(covering, f64x2.splat(0.9));
  const scale3 = f64x2.mul(covering, f64x2.splat(0.82));
  const zero1 = nearestCode(f64x2.sub(MIDDLE, f64x2.div(middle, scale1)));
  const zero2 = nearestCode(f64x2.sub(MIDDLE, f64x2.div(middle, scale2)));
  const zero3 = nearestCode(f64x2.sub(MIDDLE, f64x2.div(middle, scale3)));
  fitTwo(pairs, blockSize, f64x2.div(ONE, start), MIDDLE_CODE, f64x2.div(ONE, scale1), zero1);
  best = f64x2.mul(start, f64x2.sub(f64x2.mul(TWO, dotA), f64x2.mul(start, normA)));
  keepIfBetter(dotA, normA, MIDDLE_CODE);
  keepIfBetter(dotB, normB, zero1);
  fitTwo(pairs, blockSize, f64x2.div(ONE, scale2), zero2, f64x2.div(ONE, scale3), zero3);
  keepIfBetter(dotA, normA, zero2);
  keepIfBetter(dotB, normB, zero3);
  fit(pairs, blockSize, f64x2.div(ONE, scale), zeroPoint);
  keepIfBetter(dotA, normA, zeroPoint);
  // Blocks without a scale are left as they are.
  const isZero = f64x2.eq(start, ZERO);
  scale = v128.bitselect(start, scale, isZero);
  zeroPoint = v128.bitselect(MIDDLE_CODE, zeroPoint, isZero);
}

function codesOf(value: v128, inverse: v128, shift: v128): v128 {
  const place = f64x2.add(f64x2.mul(value, inverse), shift);
  return f64x2.floor(f64x2.pmin(f64x2.pmax(place, ZERO), LAST_CODE));
}

/** Writes the codes of two blocks, eight of them in 32 bits: the last one is highest. */
function encode(pairs: usize, blockSize: i32, codes: usize): void {
  const inverse = v128.andnot(f64x2.div(ONE, scale), f64x2.eq(scale, ZERO));
  const shift = f64x2.add(zeroPoint, HALF);
  const other = <usize>blockSize / 2;
  const end = pairs + <usize>blockSize * 16;
  for (let at = pairs; at < end; at += 128) {
    let packed = codesOf(v128.load(at, 112), inverse, shift);
    packed = f64x2.add(f64x2.mul(packed, CODES), codesOf(v128.load(at, 96), inverse, shift));
    packed = f64x2.add(f64x2.mul(packed, CODES), codesOf(v128.load(at, 80), inverse, shift));
    packed = f64x2.add(f64x2.mul(packed, CODES), codesOf(v128.load(at, 64), inverse, shift));
    packed = f64x2.add(f64x2.mul(packed, CODES), codesOf(v128.load(at, 48), inverse, shift));
    packed = f64x2.add(f64x2.mul(packed, CODES), codesOf(v128.load(at, 32), inverse, shift));
    packed = f64x2.add(f64x2.mul(packed, CODES), codesOf(v128.load(at, 16), inverse, shift));
    packed = f64x2.add(f64x2.mul(packed, CODES), codesOf(v128.load(at), inverse, shift));
    packed = f64x2.add(packed, WHOLE);
    v128.store32_lane(codes, packed, 0);
    v128.store32_lane(codes + other, packed, 2);
    codes += 4;
  }
}

/**
 * Quantises blocks that lie one behind the other.
 *
 * @param source - address of the values
 * @param dtype - 0 for float32, 1 for float16, 2 for bfloat16
 * @param blocks - an even number
 * @param isSearching - 1 for `least-squares`, 0 for `max-abs`
 * @param scratch - address of 16 bytes for each value of a block
 * @param codes - address of half a byte for each value
 * @param scales - address of a float32 for each block
 * @param zeroPoints - address of a byte for each block
 * @returns 1 if every value is finite; what was written means nothing otherwise
 */
// oxlint-disable-next-line max-params -- a WebAssembly function takes numbers, no objects
export function quantizeBlocks(
  source: usize,
  dtype: i32,
  blocks: i32,
  blockSize: i32,
  isSearching: i32,
  scratch: usize,
  codes: usize,
  scales: usize,
  zeroPoints: usize,
): i32 {
  const elementBytes: usize = dtype === 0 ? 4 : 2;
  let broken = f32x4.splat(0);
  for (let block = 0; block < blocks; block += 2) {
    broken = f32x4.add(broken, spread(source, dtype, elementBytes, blockSize, scratch));
    if (isSearching) minimise(scratch, blockSize);
    else takeLargest();
    encode(scratch, blockSize, codes);
    v128.store64_lane(scales, f32x4.demote_f64x2_zero(scale), 0);
    const zeros = f64x2.add(zeroPoint, WHOLE);
    v128.store8_lane(zeroPoints, zeros, 0);
    v128.store8_lane(zeroPoints + 1, zeros, 8);
    source += 2 * <usize>blockSize * elementBytes;
    codes += <usize>blockSize;
    scales += 8;
    zeroPoints += 2;
  }
  return v128.any_true(f32x4.ne(broken, broken)) ? 0 : 1;
}
