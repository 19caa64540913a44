import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compileKernel } from '../../../../tools/kernel/compile.mjs';
import { normalNumbers } from '../../test/random-checkpoint.js';
import { arbitraryRows, bytesOf, everyHalf, floatsOf, notFiniteRows, plausibleRows } from '../../test/stored-rows.js';
import { quantizeInt4, type Int4Rows } from './int4.js';
import { KERNEL_BASE64 } from './kernel-binary.js';
import { int4Rows, quantizedBytes, rowCount, type StoredRows } from './rows.js';
import { BLOCK_SIZES, ROUNDINGS, type Int4Scheme } from './scheme.js';
import { simdInt4 } from './simd-int4.js';

const scheme: fc.Arbitrary<Int4Scheme> = fc.record({
  bits: fc.constant(4),
  blockSize: fc.constantFrom(...BLOCK_SIZES),
  rounding: fc.constantFrom(...ROUNDINGS),
});
function simd(rows: StoredRows, { blockSize, ...rest }: Int4Scheme): Int4Rows | undefined {
  const count = rowCount(rows);
  const buffer = new ArrayBuffer(quantizedBytes(count, rows.columns, { bits: 4, blockSize, rounding: 'max-abs' }));
  // What was in the memory must not matter.
  new Uint8Array(buffer).fill(0xa5);
  const target = int4Rows(buffer, count, rows.columns, blockSize);
  const isFinite = simdInt4(rows, { blockSize, ...rest }, target);
  if (isFinite === null) throw new Error('There is no SIMD here');
  return isFinite ? target : undefined;
}

function expectSameBytes(rows: StoredRows, scheme: Int4Scheme): void {
  const expected = quantizeInt4(floatsOf(rows), rows.columns, scheme, 'test');
  const actual = simd(rows, scheme);
  for (const part of ['codes', 'scales', 'zeroPoints'] as const) {
    expect(bytesOf(actual![part]).equals(bytesOf(expected[part])), part).toBe(true);
  }
}

it('is what kernel/index.ts compiles to', async () => {
  const binary = await compileKernel(new URL('../../kernel/index.ts', import.meta.url));
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
    for (const rows of everyHalf(256)) {
      for (const blockSize of BLOCK_SIZES) expectSameBytes(rows, { bits: 4, blockSize, rounding: 'least-squares' });
    }
  });

  it('gives them for more rows than the kernel takes at a time', () => {
    const random = normalNumbers(7);
    const values = Float32Array.from({ length: 130 * 1100 }, random);
    const rows = { bytes: new Uint8Array(values.buffer), dtype: 'F32', columns: 1100 } as const;
    for (const blockSize of BLOCK_SIZES) expectSameBytes(rows, { bits: 4, blockSize, rounding: 'least-squares' });
  });

  it('finds a value that is not finite, wherever it is', () => {
    fc.assert(fc.property(notFiniteRows, scheme, (rows, scheme) => void expect(simd(rows, scheme)).toBeUndefined()));
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
    const { quantizeRowsToInt4 } = await import('./quantize-rows.js');
    const values = Float32Array.from({ length: 3 * 90 }, normalNumbers(5));
    const rows = { bytes: new Uint8Array(values.buffer), dtype: 'F32', columns: 90 } as const;
    const scheme = { bits: 4, blockSize: 64, rounding: 'least-squares' } as const;
    const target = int4Rows(new ArrayBuffer(quantizedBytes(3, 90, scheme)), 3, 90, 64);
    expect(withoutSimd(rows, scheme, target)).toBeNull();
    quantizeRowsToInt4(rows, scheme, target, 'test');
    const expected = quantizeInt4(values, 90, scheme, 'test');
    expect(bytesOf(target.codes).equals(bytesOf(expected.codes))).toBe(true);
    expect(bytesOf(target.scales).equals(bytesOf(expected.scales))).toBe(true);
    expect(bytesOf(target.zeroPoints).equals(bytesOf(expected.zeroPoints))).toBe(true);
  });
});
