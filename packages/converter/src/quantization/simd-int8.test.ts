import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { normalNumbers } from '../../test/random-checkpoint.js';
import { arbitraryRows, bytesOf, everyHalf, floatsOf, notFiniteRows, plausibleRows } from '../../test/stored-rows.js';
import { quantizeInt8 } from './int8.js';
import { int8Columns, quantizedBytes, rowCount, type Int8Columns, type StoredRows } from './rows.js';
import { simdInt8 } from './simd-int8.js';

function newTarget(rows: StoredRows): Int8Columns {
  const count = rowCount(rows);
  const buffer = new ArrayBuffer(quantizedBytes(count, rows.columns, { bits: 8 }));
  // What was in the memory must not matter.
  new Uint8Array(buffer).fill(0xa5);
  return int8Columns(buffer, count, rows.columns);
}

function expectReference(rows: StoredRows, { codes, scales }: Int8Columns): void {
  const expected = quantizeInt8(floatsOf(rows), rows.columns, 'test');
  const count = rowCount(rows);
  const transposed = Int8Array.from(
    codes,
    (_, i) => expected.codes[(i % count) * rows.columns + Math.floor(i / count)]!,
  );
  expect(bytesOf(codes).equals(bytesOf(transposed))).toBe(true);
  expect(bytesOf(scales).equals(bytesOf(expected.scales))).toBe(true);
}

function expectSameBytes(rows: StoredRows): void {
  const target = newTarget(rows);
  expect(simdInt8(rows, target)).toBe(true);
  expectReference(rows, target);
}

describe('int8 by SIMD', () => {
  it('gives the bytes of the reference, transposed, for any finite values', () => {
    fc.assert(fc.property(arbitraryRows, expectSameBytes), { numRuns: 300 });
  });

  it('gives them for plausible values', () => {
    fc.assert(fc.property(plausibleRows, expectSameBytes), { numRuns: 200 });
  });

  it('gives them for every float16 and bfloat16', () => {
    for (const rows of everyHalf(64)) expectSameBytes(rows);
  });

  it('gives them for more rows than are transposed at a time', () => {
    const values = Float32Array.from({ length: 260 * 1100 }, normalNumbers(7));
    expectSameBytes({ bytes: new Uint8Array(values.buffer), dtype: 'F32', columns: 1100 });
  });

  it('finds a value that is not finite, wherever it is', () => {
    fc.assert(fc.property(notFiniteRows, (rows) => void expect(simdInt8(rows, newTarget(rows))).toBe(false)));
  });
});

describe('without WebAssembly', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('quantises by the reference', async () => {
    vi.resetModules();
    vi.stubGlobal('WebAssembly', undefined);
    const { simdInt8: withoutSimd } = await import('./simd-int8.js');
    const { quantizeRowsToInt8 } = await import('./quantize-rows.js');
    const values = Float32Array.from({ length: 3 * 90 }, normalNumbers(5));
    const rows = { bytes: new Uint8Array(values.buffer), dtype: 'F32', columns: 90 } as const;
    const target = newTarget(rows);
    expect(withoutSimd(rows, target)).toBeNull();
    quantizeRowsToInt8(rows, target, 'test');
    expectReference(rows, target);
  });
});
