import type { InferenceSession } from 'onnxruntime-node';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDecoder, encodeSlices, openPart, readEmbedding, type TestSlice } from '../test/engine.js';
import { largestDifference } from '../test/compare.js';
import { goldenDirectory, readBytes, readFloats, readGoldenCases, type GoldenPrompt } from '../test/golden-model.js';
import { convert } from './convert.js';
import type { Manifest } from './output/manifest.js';

// Tolerances of the golden data, absolute, for float32 arithmetic.
const RESAMPLER_TOLERANCE = 5e-5;
const LOGITS_TOLERANCE = 1e-4;

const cases = readGoldenCases();
const directory = mkdtempSync(join(tmpdir(), 'pocketlens-golden-'));
let manifest: Manifest;
let vision: InferenceSession;
let decoder: InferenceSession;
let embedding: Float32Array;

beforeAll(async () => {
  const result = await convert({ source: goldenDirectory, target: join(directory, 'model'), dtypes: ['fp32', 'fp16'] });
  manifest = result.manifest;
  vision = await openPart(result.directory, manifest, 'vision_encoder');
  decoder = await openPart(result.directory, manifest, 'decoder');
  embedding = readEmbedding(result.directory);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Normalised pixels of a golden picture: every step rounded to float32. */
function slice(name: string): TestSlice {
  const { packed_u8, tgt_size } = cases.images[name]!;
  const pixels = Float32Array.from(
    readBytes(packed_u8).data,
    (value) => Math.fround(Math.fround(value / 255) - 0.5) / 0.5,
  );
  return { pixels, grid: tgt_size };
}

async function embed(prompt: GoldenPrompt, isJoint: boolean): Promise<Float32Array> {
  const { hiddenSize } = manifest.model;
  const embeddings = rowsOf(prompt.input_ids);
  const slices = prompt.images.map(slice);
  const batches = isJoint ? [slices] : slices.map((alone) => [alone]);
  const features: number[] = [];
  if (slices.length > 0) for (const batch of batches) features.push(...(await encodeSlices(vision, manifest, batch)));
  let used = 0;
  for (const [start, end] of prompt.image_bounds) {
    embeddings.set(features.slice(used, (used += (end - start) * hiddenSize)), start * hiddenSize);
  }
  return embeddings;
}

function rowsOf(ids: readonly number[]): Float32Array {
  const { hiddenSize } = manifest.model;
  const rows = new Float32Array(ids.length * hiddenSize);
  for (const [index, id] of ids.entries())
    rows.set(embedding.subarray(id * hiddenSize, (id + 1) * hiddenSize), index * hiddenSize);
  return rows;
}

/** Greedy decoding; the penalty covers generated tokens only. */
async function generate(embeddings: Float32Array, steps: number, penalty: number): Promise<readonly number[]> {
  const positions = embeddings.length / manifest.model.hiddenSize;
  const sequence = new TestDecoder(decoder, manifest, 64);
  let logits = await sequence.append(embeddings, [positions - 1]);
  const ids: number[] = [];
  while (ids.length < steps) {
    for (const id of new Set(ids)) logits[id]! *= logits[id]! > 0 ? 1 / penalty : penalty;
    ids.push(logits.indexOf(Math.max(...logits)));
    if (ids.length < steps) logits = await sequence.append(rowsOf(ids.slice(-1)), [0]);
  }
  return ids;
}

describe('vision encoder', () => {
  test.each(Object.keys(cases.images))('resampled features of %s, run alone', async (name) => {
    const features = await encodeSlices(vision, manifest, [slice(name)]);
    expect(largestDifference(features, readFloats(cases.images[name]!.resampled).data)).toBeLessThan(
      RESAMPLER_TOLERANCE,
    );
  });

  test.each(cases.batches)('joint zero-padded batch of $images', async ({ images, resampled }) => {
    const features = await encodeSlices(vision, manifest, images.map(slice));
    expect(largestDifference(features, readFloats(resampled).data)).toBeLessThan(RESAMPLER_TOLERANCE);
  });
});

describe.each(cases.prompts)('prompt $name', (prompt) => {
  const last = prompt.input_ids.length - 1;

  test('logits of the last position', async () => {
    const logits = await new TestDecoder(decoder, manifest, 256).append(await embed(prompt, true), [last]);
    expect(largestDifference(logits, readFloats(prompt.last_logits).data)).toBeLessThan(LOGITS_TOLERANCE);
  });

  test('greedy ids through the cache', async () => {
    const embeddings = await embed(prompt, true);
    expect(await generate(embeddings, 20, 1)).toEqual(prompt.greedy_20);
    expect(await generate(embeddings, 20, 1.05)).toEqual(prompt['greedy_20_repetition_penalty_1.05']);
  });
});

const withAllLogits = cases.prompts.filter(({ all_logits }) => all_logits !== undefined);
test.each(withAllLogits)('prompt $name: logits of all positions, at once and in chunks', async (prompt) => {
  const last = prompt.input_ids.length - 1;
  const expected = readFloats(prompt.all_logits!).data;
  const embeddings = await embed(prompt, true);
  const positions = prompt.input_ids.map((_, index) => index);
  const whole = await new TestDecoder(decoder, manifest, 1).append(embeddings, positions);
  expect(largestDifference(whole, expected)).toBeLessThan(LOGITS_TOLERANCE);

  const { hiddenSize } = manifest.model;
  const sequence = new TestDecoder(decoder, manifest, 16);
  const pieces: number[] = [];
  for (let start = 0; start <= last; start += 7) {
    const piece = embeddings.subarray(start * hiddenSize, (start + 7) * hiddenSize);
    pieces.push(...(await sequence.append(piece, positions.slice(0, piece.length / hiddenSize))));
  }
  expect(largestDifference(Float32Array.from(pieces), expected)).toBeLessThan(LOGITS_TOLERANCE);
});

const withApart = cases.prompts.filter(({ batch_vision_input_false }) => batch_vision_input_false !== undefined);
test.each(withApart)('prompt $name: every slice alone', async (prompt) => {
  const last = prompt.input_ids.length - 1;
  const expected = prompt.batch_vision_input_false!;
  const embeddings = await embed(prompt, false);
  const logits = await new TestDecoder(decoder, manifest, 256).append(embeddings, [last]);
  expect(largestDifference(logits, readFloats(expected.last_logits).data)).toBeLessThan(LOGITS_TOLERANCE);
  expect(await generate(embeddings, 20, 1)).toEqual(expected.greedy_20);
});

test('fp16 gives the numbers of fp32 for a float16 checkpoint', async () => {
  const prompt = cases.prompts.find(({ images }) => images.length > 1)!;
  const model = join(directory, 'model');
  const visionHalf = await openPart(model, manifest, 'vision_encoder', 'fp16');
  const slices = prompt.images.map(slice);
  expect(await encodeSlices(visionHalf, manifest, slices)).toEqual(await encodeSlices(vision, manifest, slices));
  const embeddings = await embed(prompt, true);
  const row = [prompt.input_ids.length - 1];
  const half = await openPart(model, manifest, 'decoder', 'fp16');
  const logits = await new TestDecoder(half, manifest, 256).append(embeddings, row);
  expect(logits).toEqual(await new TestDecoder(decoder, manifest, 256).append(embeddings, row));
});
