// Reads weights of every type as float32.

/** Types of the source, as `simd-int4.ts` numbers them. */
const FLOAT16: i32 = 1;
const BFLOAT16: i32 = 2;

/** A float16 without its sign, moved to the place of a float32's bits, is 2 ** 112 times too small. */
const HALF_SCALE: v128 = f32x4.splat(5.192296858534828e33);
/** What infinity becomes by that: exponents from here on stand for infinity and NaN. */
const HALF_OVERFLOW: v128 = f32x4.splat(65536);
const INFINITE_BITS: v128 = i32x4.splat(0x7f800000);

/** Four float16, each in the lower half of 32 bits, as float32. */
function widenHalf(bits: v128): v128 {
  const sign = v128.and(i32x4.shl(bits, 16), i32x4.splat(0x80000000));
  const magnitude = f32x4.mul(i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13), HALF_SCALE);
  const special = v128.and(f32x4.ge(magnitude, HALF_OVERFLOW), INFINITE_BITS);
  return v128.or(v128.or(magnitude, special), sign);
}

/** Four values of the source as float32. */
export function loadFour(source: usize, dtype: i32): v128 {
  if (dtype === FLOAT16) return widenHalf(v128.load16x4_u(source));
  if (dtype === BFLOAT16) return i32x4.shl(v128.load16x4_u(source), 16);
  return v128.load(source);
}
