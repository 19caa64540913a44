import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compileKernel } from '../../../../tools/kernel/compile.mjs';
import { normalNumbers } from '../../test/random-checkpoint.js';
import { convertWeights, weightElementBytes, type WeightDtype } from '../tensors/float.js';
import { quantizeInt4, type Int4Rows } from './int4.js';
import { KERNEL_BASE64 } from './kernel-binary.js';
import { int4Bytes, int4Rows, type StoredRows } from './rows.js';
import { BLOCK_SIZES, ROUNDINGS, type Int4Scheme } from './scheme.js';
import { simdInt4 } from './simd-int4.js';

const scheme: fc.Arbitrary<Int4Scheme> = fc.record({
  bits: fc.constant(4),
  blockSize: fc.constantFrom(...BLOCK_SIZES),
  rounding: fc.constantFrom(...ROUNDINGS),
});
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
const arbitraryRows = fc
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
const plausibleRows = fc
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

function floats({ bytes, dtype }: StoredRows): Float32Array {
  const bits = convertWeights(bytes.slice(), dtype, 'float32', 'test');
  return new Float32Array(bits.buffer);
}

const bytesOf = (array: Uint8Array | Float32Array): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

function simd(rows: StoredRows, { blockSize, ...rest }: Int4Scheme): Int4Rows | undefined {
  const count = rows.bytes.byteLength / (rows.columns * weightElementBytes(rows.dtype));
  const buffer = new ArrayBuffer(int4Bytes(count, rows.columns, blockSize));
  // What was in the memory must not matter.
  new Uint8Array(buffer).fill(0xa5);
  const target = int4Rows(buffer, count, rows.columns, blockSize);
  const isFinite = simdInt4(rows, { blockSize, ...rest }, target);
  if (isFinite === null) throw new Error('There is no SIMD here');
  return isFinite ? target : undefined;
}

function expectSameBytes(rows: StoredRows, scheme: Int4Scheme): void {
  const expected = quantizeInt4(floats(rows), rows.columns, scheme, 'test');
  const actual = simd(rows, scheme);
  for (const part of ['codes', 'scales', 'zeroPoints'] as const) {
    expect(bytesOf(actual![part]).equals(bytesOf(expected[part])), part).toBe(true);
  }
}

it('is what kernel/int4.ts compiles to', async () => {
  const binary = await compileKernel(new URL('../../kernel/int4.ts', import.meta.url));
  expect(Buffer.from(binary).toString('base64')).toBe(KERNEL_BASE64);
});

describe('int4 by SIMD', () => {
  it('gives the bytes of the reference for any finite values', () => {
    fc.assert(fc.property(arbitraryRows, scheme, expectSameBytes), { numRuns: 300 });
  });

  it('gives them for plausible values', () => {
    fc.assert(fc.property(plausibleRows, scheme, expectSameBytes), { numRuns: 300 });
  });

  it('gives them for every float16 and bfloat16', () => {
    for (const [type, exponent] of [
      ['F16', 0x7c00],
      ['BF16', 0x7f80],
    ] as const) {
      const bits = Array.from({ length: 65_536 }, (_, i) => ((i * 40_503) & 0xffff) as number);
      const finite = bits.map((pattern) => ((pattern & exponent) === exponent ? pattern & ~0x4000 : pattern));
      for (const blockSize of BLOCK_SIZES) {
        expectSameBytes(storedRows(type, 256, finite), { bits: 4, blockSize, rounding: 'least-squares' });
      }
    }
  });

  it('gives them for more rows than the kernel takes at a time', () => {
    const random = normalNumbers(7);
    const values = Float32Array.from({ length: 130 * 1100 }, random);
    const rows = { bytes: new Uint8Array(values.buffer), dtype: 'F32', columns: 1100 } as const;
    for (const blockSize of BLOCK_SIZES) expectSameBytes(rows, { bits: 4, blockSize, rounding: 'least-squares' });
  });

  it('finds a value that is not finite, wherever it is', () => {
    const notFinite = fc.constantFrom(NaN, Infinity, -Infinity);
    fc.assert(
      fc.property(plausibleRows, notFinite, fc.nat(), scheme, (rows, value, place, scheme) => {
        const half = value > 0 ? 0x7c00 : value < 0 ? 0xfc00 : 0x7e01;
        if (rows.dtype === 'F32') new Float32Array(rows.bytes.buffer)[place % (rows.bytes.length / 4)] = value;
        else new Uint16Array(rows.bytes.buffer)[place % (rows.bytes.length / 2)] = half;
        expect(simd(rows, scheme)).toBeUndefined();
      }),
    );
  });
});

describe.each([
  ['none', undefined],
  [
    'one that knows no SIMD',
    {
      Module: (): never => {
        throw new SyntaxError('invalid value type 0x7b');
      },
    },
  ],
])('with WebAssembly: %s', (_, available) => {
  afterEach(() => vi.unstubAllGlobals());

  it('quantises by the reference', async () => {
    vi.resetModules();
    vi.stubGlobal('WebAssembly', available);
    const { simdInt4: withoutSimd } = await import('./simd-int4.js');
    const { quantizeRows } = await import('./quantize-rows.js');
    const values = Float32Array.from({ length: 3 * 90 }, normalNumbers(5));
    const rows = { bytes: new Uint8Array(values.buffer), dtype: 'F32', columns: 90 } as const;
    const scheme = { bits: 4, blockSize: 64, rounding: 'least-squares' } as const;
    const target = int4Rows(new ArrayBuffer(int4Bytes(3, 90, 64)), 3, 90, 64);
    expect(withoutSimd(rows, scheme, target)).toBeNull();
    quantizeRows(rows, scheme, target, 'test');
    const expected = quantizeInt4(values, 90, scheme, 'test');
    expect(bytesOf(target.codes).equals(bytesOf(expected.codes))).toBe(true);
    expect(bytesOf(target.scales).equals(bytesOf(expected.scales))).toBe(true);
    expect(bytesOf(target.zeroPoints).equals(bytesOf(expected.zeroPoints))).toBe(true);
  });
});
