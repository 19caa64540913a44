import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convert } from './convert.js';
import { inspect, type InspectedPart, type Inspection } from './inspect.js';
import { memoryNeeds } from './memory-need.js';

const golden = fileURLToPath(new URL('../test/gguf-golden', import.meta.url));
const checkpoint = join(golden, 'float', 'checkpoint');
const language = join(golden, 'float', 'pair', 'ggml-model-f16.gguf');
const root = mkdtempSync(join(tmpdir(), 'pocketlens-memory-'));
const model = join(root, 'model');

beforeAll(() => convert({ source: checkpoint, target: model, dtypes: ['fp32', 'fp16', 'q4'] }));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Sizes of MiniCPM-Llama3-V 2.5, as its published files have them. */
function fullSize(): Inspection {
  const part = (name: string, shapes: readonly (readonly [string, readonly number[]])[]): InspectedPart => {
    const parameters = shapes.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const tensors = shapes.map(([tensor, shape]) => ({ name: tensor, dtype: 'F16', shape, bytes: 0, file: '' }));
    return { part: name, dtype: 'F16', parameters, bytes: parameters * 2, tensors };
  };
  const parts = [
    part('vision_tower', [['vpm', [412_442_352]]]),
    part('resampler', [['resampler.proj', [94_388_224]]]),
    part('language_model', [
      ['llm.model.embed_tokens.weight', [128_256, 4096]],
      ['llm.lm_head.weight', [128_256, 4096]],
      ['llm.model.layers', [32, 218_112_000]],
    ]),
  ];
  const sizes = { layers: 32, kvHeads: 8, headDim: 128, maxPositions: 8192 };
  return { kind: 'checkpoint', directory: '', model: sizes, parts, parameters: 0, bytes: 0 };
}

test('the published model: 4.8 GB of int4 weights and half a gigabyte of cache at 2048 positions', () => {
  const needs = new Map(memoryNeeds(fullSize(), 2048).map((need) => [need.dtype, need]));
  expect([...needs.keys()]).toEqual(['q4', 'int8', 'fp16', 'fp32']);
  const decoder = 32 * 218_112_000 + 128_256 * 4096;
  const vision = 412_442_352 + 94_388_224;
  expect(needs.get('q4')!.weightBytes).toBeCloseTo(decoder * 0.5703125 + vision, -1);
  expect(needs.get('q4')!.weightBytes / 1e9).toBeCloseTo(4.8, 1);
  expect(needs.get('int8')!.weightBytes).toBe(decoder + vision);
  expect(needs.get('fp16')!.weightBytes).toBe(4 * (decoder + vision));
  for (const need of needs.values()) {
    expect(need.cacheBytes).toBe(32 * 2 * 8 * 128 * 4 * 2048);
    expect(need.totalBytes).toBeGreaterThan(1.15 * (need.weightBytes + need.cacheBytes));
    expect(need.isStored).toBe(false);
  }
});

test('stored types are measured: float16 counts twice, the embedding not at all', async () => {
  const found = await inspect(model);
  const needs = new Map(memoryNeeds(found, 64).map((need) => [need.dtype, need]));
  expect([...needs.values()].filter(({ isStored }) => isStored).map(({ dtype }) => dtype)).toEqual([
    'q4',
    'fp16',
    'fp32',
  ]);
  expect(needs.get('fp16')!.weightBytes).toBe(needs.get('fp32')!.weightBytes);
  const computed = memoryNeeds(await inspect(checkpoint), 64).find(({ dtype }) => dtype === 'fp32')!;
  // Graphs hold cosines and sines beside the weights.
  expect(needs.get('fp32')!.weightBytes).toBeGreaterThan(computed.weightBytes);
  expect(needs.get('fp32')!.weightBytes).toBeLessThan(computed.weightBytes * 1.1);
});

test('a GGUF pair needs what its checkpoint needs, and a single file tells no sizes', async () => {
  const pair = await inspect(language);
  expect(pair).toMatchObject({ kind: 'gguf', model: { version: '2.5', layers: 2, hiddenSize: 128 } });
  expect(pair.parts.map(({ part, dtype }) => [part, dtype])).toEqual([
    ['vision_tower', 'F16, F32'],
    ['resampler', 'F32, F16'],
    ['language_model', 'F16, F32'],
  ]);
  const [gguf, direct] = [memoryNeeds(pair, 64), memoryNeeds(await inspect(checkpoint), 64)];
  expect(gguf[0]!.cacheBytes).toBe(direct[0]!.cacheBytes);
  expect(gguf[0]!.weightBytes / direct[0]!.weightBytes).toBeCloseTo(1, 1);
  const alone = await inspect(join(golden, 'quantised', 'ggml-model-mixed.gguf'));
  expect(alone).toMatchObject({ kind: 'gguf', model: { name: 'ggml-model-mixed' } });
  expect(alone.parts[0]!.dtype).toContain('Q4_K');
  expect(memoryNeeds(alone, 64)).toEqual([]);
});
