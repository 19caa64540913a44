import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SafetensorsWriter } from './safetensors-writer.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocketlens-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('writes what the safetensors format asks for', async () => {
  const target = path.join(folder, 'a.safetensors');
  const file = await open(target, 'wx');
  const writer = new SafetensorsWriter(file, 2);
  await writer.add('x', 'F32', [2, 1], Float32Array.of(1.5, -2));
  await writer.add('y', 'I32', [1, 3], Int32Array.of(7, 8, -9));
  await writer.finish();
  await file.close();

  const bytes = await readFile(target);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  expect(headerBytes % 8).toBe(0);
  expect(JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes))).toEqual({
    x: { dtype: 'F32', shape: [2, 1], data_offsets: [0, 8] },
    y: { dtype: 'I32', shape: [1, 3], data_offsets: [8, 20] },
  });
  const data = bytes.subarray(8 + headerBytes);
  expect(data.length).toBe(20);
  expect([data.readFloatLE(0), data.readFloatLE(4)]).toEqual([1.5, -2]);
  expect([data.readInt32LE(8), data.readInt32LE(12), data.readInt32LE(16)]).toEqual([7, 8, -9]);
});
