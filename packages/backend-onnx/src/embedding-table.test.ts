import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelSource } from '@pocketlens/backend';
import { EmbeddingTable } from './embedding-table.js';
import { float16ToFloat32 } from './float16.js';
import { topLogits } from './top-logits.js';

/** A model of one file in memory. */
function memorySource(bytes: Uint8Array): ModelSource {
  return {
    name: 'memory',
    open: async () => ({
      size: bytes.length,
      read: async (offset, length) => bytes.slice(offset, offset + length),
      close: async () => undefined,
    }),
  };
}

function safetensors(header: unknown, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

const table = (dtype: string, shape: number[], bytes: number): unknown => ({
  'embed_tokens.weight': { dtype, shape, data_offsets: [0, bytes] },
});

describe('EmbeddingTable', () => {
  it('reads float32 and float16 rows', async () => {
    const wide = new Uint8Array(Float32Array.of(1, 2, 3, -4.5, 0.1, 6).buffer);
    const narrow = new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0xc480, 0x0001, 0x7bff).buffer);
    const target = new Float32Array(4);
    await (
      await EmbeddingTable.open(memorySource(safetensors(table('F32', [3, 2], 24), wide)), 'e', [3, 2])
    ).copyRow(1, target, 2);
    expect(Array.from(target)).toEqual([0, 0, 3, -4.5]);
    await (
      await EmbeddingTable.open(memorySource(safetensors(table('F16', [3, 2], 12), narrow)), 'e', [3, 2])
    ).copyRow(2, target, 0);
    expect(Array.from(target)).toEqual([2 ** -24, 65504, 3, -4.5]);
  });

  it.each([
    ['MODEL_HEADER', new Uint8Array(7)],
    ['MODEL_HEADER', new Uint8Array(8).fill(0xff)],
    ['MODEL_HEADER', safetensors('{"a":', new Uint8Array(24))],
    ['MODEL_HEADER', safetensors({}, new Uint8Array(24))],
    ['MODEL_DTYPE', safetensors(table('I64', [3, 2], 48), new Uint8Array(48))],
    ['MODEL_TENSOR_BOUNDS', safetensors(table('F32', [2, 3], 24), new Uint8Array(24))],
    ['MODEL_TENSOR_BOUNDS', safetensors(table('F32', [3, 2], 24), new Uint8Array(23))],
    ['MODEL_TENSOR_BOUNDS', safetensors(table('F32', [3, 2], 20), new Uint8Array(24))],
  ])('refuses a damaged file with %s', async (code, bytes) => {
    await expect(EmbeddingTable.open(memorySource(bytes), 'e', [3, 2])).rejects.toMatchObject({ code });
  });

  it('reads a large table row by row and keeps a bounded number of rows', async () => {
    const [vocabSize, hiddenSize] = [9000, 1024];
    const bytes = 4 * vocabSize * hiddenSize;
    const head = safetensors(table('F32', [vocabSize, hiddenSize], bytes), new Uint8Array(0));
    const reads: number[] = [];
    const source: ModelSource = {
      name: 'computed',
      open: async () => ({
        size: head.length + bytes,
        // Row r holds r everywhere.
        read: async (offset, length) => {
          if (offset < head.length) return head.slice(offset, offset + length);
          const row = (offset - head.length) / (4 * hiddenSize);
          reads.push(row);
          return new Uint8Array(new Float32Array(length / 4).fill(row).buffer);
        },
        close: async () => undefined,
      }),
    };
    const large = await EmbeddingTable.open(source, 'e', [vocabSize, hiddenSize]);
    const target = new Float32Array(hiddenSize);
    for (const id of [8999, 5, 5, 8999]) {
      await large.copyRow(id, target, 0);
      expect(target.every((value) => value === id)).toBe(true);
    }
    expect(reads).toEqual([8999, 5]);
    for (let id = 100; id < 1300; id++) await large.copyRow(id, target, 0);
    await large.copyRow(5, target, 0);
    expect(reads.filter((row) => row === 5)).toHaveLength(2);
    await large.close();
    await expect(large.copyRow(5, target, 0)).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('refuses ids outside the vocabulary', async () => {
    const opened = await EmbeddingTable.open(
      memorySource(safetensors(table('F32', [3, 2], 24), new Uint8Array(24))),
      'e',
      [3, 2],
    );
    for (const id of [-1, 3, 1.5, NaN]) {
      await expect(opened.copyRow(id, new Float32Array(2), 0)).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    }
  });
});

describe('float16ToFloat32', () => {
  it('inverts rounding to half precision on all finite values', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (bits) => {
        const value = float16ToFloat32(bits);
        const isFinite = ((bits >>> 10) & 0x1f) !== 0x1f;
        expect(Number.isFinite(value)).toBe(isFinite);
        expect(Object.is(Math.fround(value), value)).toBe(true);
        expect(float16ToFloat32(bits ^ 0x8000)).toBe(-value);
      }),
    );
    expect([0x3c00, 0xbc00, 0x7c00, 0x0400].map(float16ToFloat32)).toEqual([1, -1, Infinity, 2 ** -14]);
  });
});

describe('topLogits', () => {
  it('equals a stable sort', () => {
    const rows = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 45 }), (row, count) => {
        const order = row.map((value, id) => ({ value, id })).toSorted((a, b) => b.value - a.value || a.id - b.id);
        const top = topLogits(Float32Array.from(row), count);
        expect(Array.from(top.ids)).toEqual(order.slice(0, count).map(({ id }) => id));
        expect(Array.from(top.values)).toEqual(order.slice(0, count).map(({ value }) => value));
      }),
    );
  });
});
