import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Checkpoint } from '../safetensors/checkpoint.js';
import { encodeSafetensors } from '../safetensors/writer.js';
import { streamTensor } from './stream.js';
import type { RowRun, TensorSource } from './source.js';

const ROWS = 300;
const COLUMNS = 130;
const directory = mkdtempSync(join(tmpdir(), 'pocketlens-stream-'));
const values = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => i);
let checkpoint: Checkpoint;

beforeAll(async () => {
  const tensors = [
    { name: 'w', dtype: 'F32' as const, shape: [ROWS, COLUMNS], bytes: new Uint8Array(values.buffer) },
    { name: 'ids', dtype: 'I32' as const, shape: [1], bytes: new Uint8Array(4) },
  ];
  writeFileSync(join(directory, 'model.safetensors'), encodeSafetensors(tensors));
  checkpoint = await Checkpoint.open(directory);
});

afterAll(async () => {
  await checkpoint.close();
  rmSync(directory, { recursive: true, force: true });
});

async function collect(source: TensorSource, panelBytes?: number): Promise<Float32Array> {
  const pieces: Uint8Array[] = [];
  const limit = panelBytes === undefined ? {} : { panelBytes };
  for await (const bytes of streamTensor(source, { checkpoint, dtype: 'float32', ...limit }))
    pieces.push(bytes.slice());
  return new Float32Array(Uint8Array.from(Buffer.concat(pieces)).buffer);
}

/** The value at a row and column of stacked runs. */
function stackedRows(runs: readonly RowRun[]): readonly (number | undefined)[] {
  return runs.flatMap((run) =>
    'zeroRows' in run
      ? Array.from({ length: run.zeroRows }, () => undefined)
      : Array.from({ length: run.rowCount }, (_, i) => run.firstRow + i),
  );
}

const runs: fc.Arbitrary<readonly RowRun[]> = fc.array(
  fc.oneof(
    fc.record({ zeroRows: fc.integer({ min: 1, max: 5 }) }),
    fc
      .tuple(fc.integer({ min: 0, max: ROWS - 1 }), fc.integer({ min: 1, max: ROWS }))
      .map(([firstRow, count]) => ({ tensor: 'w', firstRow, rowCount: Math.min(count, ROWS - firstRow) })),
  ),
  { minLength: 1, maxLength: 4 },
);

test('stacks rows', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (list) => {
      const actual = await collect({ kind: 'rows', runs: list, columns: COLUMNS });
      const expected = stackedRows(list).flatMap((row) =>
        Array.from({ length: COLUMNS }, (_, column) => (row === undefined ? 0 : row * COLUMNS + column)),
      );
      expect(actual).toEqual(Float32Array.from(expected));
    }),
    { numRuns: 20 },
  );
});

test('transposes stacked rows and picks columns, in one pass or many', async () => {
  const select = fc.array(fc.integer({ min: -1, max: COLUMNS - 1 }), { minLength: 1, maxLength: 90 });
  await fc.assert(
    fc.asyncProperty(
      runs,
      fc.option(select, { nil: undefined }),
      fc.integer({ min: 1, max: 200_000 }),
      async (list, picked, panelBytes) => {
        const base = { kind: 'transposed' as const, runs: list, columns: COLUMNS };
        const source = picked === undefined ? base : { ...base, select: Int32Array.from(picked) };
        const rows = stackedRows(list);
        const columns = picked ?? Array.from({ length: COLUMNS }, (_, column) => column);
        const expected = columns.flatMap((column) =>
          rows.map((row) => (row === undefined || column < 0 ? 0 : row * COLUMNS + column)),
        );
        expect(await collect(source, panelBytes)).toEqual(Float32Array.from(expected));
      },
    ),
    { numRuns: 20 },
  );
});

test('refuses tensors that are no weights', async () => {
  const source = { kind: 'rows' as const, runs: [{ tensor: 'ids', firstRow: 0, rowCount: 1 }], columns: 1 };
  await expect(collect(source)).rejects.toMatchObject({ code: 'MODEL_DTYPE' });
});
