import { ModelFormatError } from '../errors.js';

/** Storage types of weights that the converter reads. */
export const WEIGHT_DTYPES = ['F32', 'F16', 'BF16'] as const;

export type WeightDtype = (typeof WEIGHT_DTYPES)[number];

/** Storage types of weights that the converter writes. */
export type StoredDtype = 'float32' | 'float16';

export function isWeightDtype(dtype: string): dtype is WeightDtype {
  return (WEIGHT_DTYPES as readonly string[]).includes(dtype);
}

/** Bytes of one element of a checkpoint's weight. */
export function weightElementBytes(dtype: WeightDtype): number {
  return dtype === 'F32' ? 4 : 2;
}

let halfToFloatTable: Uint32Array | undefined;

/** Bit patterns of float32 for each of the 65,536 bit patterns of float16. */
function halfToFloatBits(): Uint32Array {
  halfToFloatTable ??= Uint32Array.from({ length: 65_536 }, (_, half) => expandHalf(half));
  return halfToFloatTable;
}

function expandHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  const shift = Math.clz32(fraction) - 21;
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0;
}

/**
 * Rounds the bits of a float32 to the nearest float16, ties to even. Values beyond the largest float16 become infinite.
 */
export function roundToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - (112 << 23);
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  if (magnitude < 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const half = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (rest > middle || (rest === middle && (half & 1) === 1) ? half + 1 : half);
}

/** Elements of a stored type as bit patterns. */
export type StoredBits = Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/**
 * Converts a run of weights from a checkpoint's type to a stored type.
 *
 * @param bytes - little-endian elements, aligned to their size in their buffer
 * @param label - name of the tensor for messages
 * @throws {ModelFormatError} `MODEL_DTYPE` when a finite value has no float16
 */
export function convertWeights(
  bytes: Uint8Array<ArrayBuffer>,
  from: WeightDtype,
  to: StoredDtype,
  label: string,
): StoredBits {
  if (from === 'F32') {
    const source = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    return to === 'float32' ? source : narrow(source, label);
  }
  const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  if (from === 'F16') return to === 'float16' ? source : widen(source);
  const widened = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) widened[i] = source[i]! << 16;
  return to === 'float32' ? widened : narrow(widened, label);
}

function widen(source: Uint16Array): Uint32Array<ArrayBuffer> {
  const table = halfToFloatBits();
  const target = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) target[i] = table[source[i]!]!;
  return target;
}

function narrow(source: Uint32Array, label: string): Uint16Array<ArrayBuffer> {
  const target = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) {
    const bits = source[i]!;
    const half = roundToHalf(bits);
    if ((half & 0x7fff) === 0x7c00 && (bits & 0x7fffffff) < 0x7f800000) {
      throw new ModelFormatError('MODEL_DTYPE', `${label}: a value beyond 65504 cannot be stored as fp16`, {
        hint: 'Convert to fp32 instead.',
      });
    }
    target[i] = half;
  }
  return target;
}
