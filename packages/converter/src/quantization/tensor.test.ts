import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { normalNumbers } from '../../test/random-checkpoint.js';
import { Checkpoint } from '../safetensors/checkpoint.js';
import { encodeSafetensors } from '../safetensors/writer.js';
import { quantizeInt4 } from './int4.js';
import { quantizeInt8 } from './int8.js';
import { streamCodes, type QuantizationRest, type QuantizedTensor, type QuantizeOptions } from './tensor.js';
import { startWorker } from './worker/start-worker.js';
import { QuantizationWorkers } from './worker/workers.js';

const ROWS = 70;
const COLUMNS = 90;
const directory = mkdtempSync(join(tmpdir(), 'pocketlens-quantized-tensor-'));
const values = Float32Array.from({ length: ROWS * COLUMNS }, normalNumbers(1));
const broken = Float32Array.from(values, (value, i) => (i === 4000 ? Infinity : value));
let checkpoint: Checkpoint;

beforeAll(async () => {
  const tensors = Object.entries({ w: values, broken }).map(([name, data]) => {
    return { name, dtype: 'F32' as const, shape: [ROWS, COLUMNS], bytes: new Uint8Array(data.buffer) };
  });
  writeFileSync(join(directory, 'model.safetensors'), encodeSafetensors(tensors));
  checkpoint = await Checkpoint.open(directory);
});

afterAll(async () => {
  await checkpoint.close();
  rmSync(directory, { recursive: true, force: true });
});

function tensor(scheme: QuantizedTensor['scheme'], name = 'w'): QuantizedTensor {
  const runs = [{ tensor: name, firstRow: 0, rowCount: ROWS }];
  return { name, source: { kind: 'rows', runs, columns: COLUMNS }, outputs: ROWS, inputs: COLUMNS, scheme };
}

async function collect(
  quantized: QuantizedTensor,
  options: Partial<QuantizeOptions> = {},
): Promise<{ readonly codes: Buffer; readonly rest: QuantizationRest }> {
  const rest = { scales: new Uint8Array(), zeroPoints: new Uint8Array() };
  const pieces: Uint8Array[] = [];
  for await (const bytes of streamCodes(quantized, rest, { checkpoint, ...options })) pieces.push(bytes.slice());
  return { codes: Buffer.concat(pieces), rest };
}

const bytesOf = (data: Float32Array | Int8Array): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

test('int4 arrays lie as the quantiser gives them', async () => {
  const scheme = { bits: 4, blockSize: 32, rounding: 'least-squares' } as const;
  const { codes, rest } = await collect(tensor(scheme));
  const expected = quantizeInt4(values, COLUMNS, scheme, 'w');
  expect(codes.equals(expected.codes)).toBe(true);
  expect(Buffer.from(rest.scales).equals(bytesOf(expected.scales))).toBe(true);
  expect(Buffer.from(rest.zeroPoints).equals(expected.zeroPoints)).toBe(true);
});

test('int8 codes are transposed, in one pass or many', async () => {
  const expected = quantizeInt8(values, COLUMNS, 'w');
  const transposed = Int8Array.from(values, (_, i) => expected.codes[(i % ROWS) * COLUMNS + Math.floor(i / ROWS)]!);
  await fc.assert(
    fc.asyncProperty(fc.option(fc.integer({ min: 1, max: ROWS * COLUMNS }), { nil: undefined }), async (panelBytes) => {
      const { codes, rest } = await collect(tensor({ bits: 8 }), panelBytes === undefined ? {} : { panelBytes });
      expect(codes.equals(bytesOf(transposed))).toBe(true);
      expect(Buffer.from(rest.scales).equals(bytesOf(expected.scales))).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test.each([{ bits: 8 }, { bits: 4, blockSize: 64, rounding: 'max-abs' }] as const)(
  'a broken tensor and an abort end the work: $bits bits',
  async (scheme) => {
    await expect(collect(tensor(scheme, 'broken'))).rejects.toMatchObject({
      code: 'MODEL_DTYPE',
      message: expect.stringContaining('"broken" holds Infinity'),
    });
    await expect(collect(tensor(scheme), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  },
);

test.each([
  ['int8', { bits: 8 }],
  ['int4', { bits: 4, blockSize: 64, rounding: 'least-squares' }],
] as const)('a large tensor is quantised by threads, to the same bytes: %s', async (_, scheme) => {
  const [rows, columns] = [2100, 1000];
  const large = Float32Array.from({ length: rows * columns }, normalNumbers(2));
  const room = mkdtempSync(join(directory, 'large-'));
  const stored = { dtype: 'F32' as const, shape: [rows, columns], bytes: new Uint8Array(large.buffer) };
  writeFileSync(join(room, 'model.safetensors'), encodeSafetensors([{ name: 'w', ...stored }]));
  const opened = await Checkpoint.open(room);
  let threads = 0;
  const quantizer = new QuantizationWorkers(2, () => {
    threads++;
    return startWorker();
  });
  try {
    const quantized: QuantizedTensor = {
      name: 'w',
      source: { kind: 'rows', runs: [{ tensor: 'w', firstRow: 0, rowCount: rows }], columns },
      outputs: rows,
      inputs: columns,
      scheme,
    };
    const byThreads = await collect(quantized, { checkpoint: opened, quantizer });
    expect(threads).toBe(2);
    const here = await collect(quantized, { checkpoint: opened });
    expect(byThreads.codes.equals(here.codes)).toBe(true);
    expect(byThreads.rest).toEqual(here.rest);
  } finally {
    await quantizer.close();
    await opened.close();
  }
});
