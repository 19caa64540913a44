import fc from 'fast-check';
import type { StoredRows } from '../src/quantization/rows.js';
import { convertWeights, type WeightDtype } from '../src/tensors/float.js';
import { normalNumbers } from './random-checkpoint.js';

const dtype = fc.constantFrom<WeightDtype>('F32', 'F16', 'BF16');

/** Bit patterns of a type, of finite numbers alone: every exponent, subnormal numbers, both zeros. */
function finiteBits(type: WeightDtype): fc.Arbitrary<number> {
  if (type === 'F32')
    return fc.integer({ min: 0, max: 0xffffffff }).filter((bits) => (bits & 0x7f800000) !== 0x7f800000);
  const exponent = type === 'F16' ? 0x7c00 : 0x7f80;
  return fc.integer({ min: 0, max: 0xffff }).filter((bits) => (bits & exponent) !== exponent);
}

function storedRows(type: WeightDtype, columns: number, bits: readonly number[]): StoredRows {
  const elements = type === 'F32' ? Uint32Array.from(bits) : Uint16Array.from(bits);
  return { bytes: new Uint8Array(elements.buffer), dtype: type, columns };
}

/** Any finite values, few of them many times: they tie more often. */
export const arbitraryRows: fc.Arbitrary<StoredRows> = fc
  .tuple(dtype, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 300 }))
  .chain(([type, rows, columns]) => {
    const length = rows * columns;
    const options = { minLength: length, maxLength: length };
    const bits = finiteBits(type);
    const few = fc
      .array(bits, { minLength: 1, maxLength: 4 })
      .chain((choices) => fc.array(fc.constantFrom(0, ...choices), options));
    return fc.oneof(fc.array(bits, options), few).map((list) => storedRows(type, columns, list));
  });

/** Values as networks have them, with outliers and blocks of zeros; in float32 and in float16. */
export const plausibleRows: fc.Arbitrary<StoredRows> = fc
  .record({
    seed: fc.integer(),
    exponent: fc.integer({ min: -24, max: 6 }),
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 700 }),
    isHalf: fc.boolean(),
  })
  .map(({ seed, exponent, rows, columns, isHalf }) => {
    const random = normalNumbers(seed);
    const values = Float32Array.from({ length: rows * columns }, (_, i) => {
      if ((i >> 6) % 7 === 3) return 0;
      return random() * 2 ** exponent * (i % 211 === 5 ? 30 : 1);
    });
    const bytes = new Uint8Array(values.buffer);
    if (!isHalf) return { bytes, dtype: 'F32', columns } as const;
    const half = convertWeights(bytes, 'F32', 'float16', 'test');
    return { bytes: new Uint8Array(half.buffer), dtype: 'F16', columns } as const;
  });

/** The values that rows stand for. */
export function floatsOf({ bytes, dtype }: StoredRows): Float32Array {
  const bits = convertWeights(bytes.slice(), dtype, 'float32', 'test');
  return new Float32Array(bits.buffer);
}

export const bytesOf = (array: Uint8Array | Int8Array | Float32Array): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Every finite float16 and every finite bfloat16, far ones beside each other. */
export function everyHalf(columns: number): readonly StoredRows[] {
  return (
    [
      ['F16', 0x7c00],
      ['BF16', 0x7f80],
    ] as const
  ).map(([type, exponent]) => {
    const patterns = Array.from({ length: 65_536 }, (_, i) => (i * 40_503) & 0xffff);
    const finite = patterns.map((bits) => ((bits & exponent) === exponent ? bits & ~0x4000 : bits));
    return storedRows(type, columns, finite);
  });
}

/** Plausible values but for one. */
export const notFiniteRows: fc.Arbitrary<StoredRows> = fc
  .tuple(plausibleRows, fc.constantFrom(NaN, Infinity, -Infinity), fc.nat())
  .map(([rows, value, place]) => {
    const { buffer } = rows.bytes;
    const half = value > 0 ? 0x7c00 : value < 0 ? 0xfc00 : 0x7e01;
    if (rows.dtype === 'F32') new Float32Array(buffer)[place % (buffer.byteLength / 4)] = value;
    else new Uint16Array(buffer)[place % (buffer.byteLength / 2)] = half;
    return rows;
  });
