import { InferenceSession, Tensor } from 'onnxruntime-node';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { largestDifference } from '../../test/compare.js';
import { sliceFeeds, type TestSlice } from '../../test/engine.js';
import { goldenDirectory, readBytes, readFloats, readGoldenCases } from '../../test/golden-model.js';
import type { CheckpointConfig } from '../config.js';
import { writeGraph } from '../output/graph-files.js';
import { Journal } from '../output/journal.js';
import { manifestModel } from '../output/manifest.js';
import { InlineQuantizer } from '../quantization/worker/quantizer.js';
import { ResumableFile } from '../output/resumable-file.js';
import { readConfig } from '../read-config.js';
import { Checkpoint } from '../safetensors/checkpoint.js';
import type { GraphDefinition } from './builder.js';
import { buildDecoder } from './decoder.js';
import { buildVisionEncoder } from './vision-encoder.js';

// Inner values of the graphs against golden steps, so that a wrong layer is found where it is wrong.
const TOWER_TOLERANCE = 3e-5;
const RESAMPLER_TOLERANCE = 5e-5;
const DECODER_TOLERANCE = 1e-4;

const cases = readGoldenCases();
const directory = mkdtempSync(join(tmpdir(), 'pocketlens-steps-'));
let config: CheckpointConfig;
let checkpoint: Checkpoint;
let tower: InferenceSession;

beforeAll(async () => {
  mkdirSync(join(directory, 'onnx'));
  config = await readConfig(goldenDirectory);
  checkpoint = await Checkpoint.open(goldenDirectory);
  tower = await openWithSteps(buildVisionEncoder(checkpoint, config, 'float32'), [
    'vpm.embeddings',
    'vpm.encoder.layers.0',
    'vpm.encoder.layers.1',
    'vpm.post_layernorm',
    'resampler.ln_kv',
    'resampler.keys',
    'resampler.attn.out_proj',
    'resampler.ln_post',
  ]);
});

afterAll(async () => {
  await checkpoint.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Opens a graph with some of its inner values as outputs. */
async function openWithSteps(graph: GraphDefinition, names: readonly string[]): Promise<InferenceSession> {
  const outputs = names.map((name) => ({ name, dataType: 'float32' as const, shape: ['batch', 'rows', 'columns'] }));
  const path = `onnx/${graph.name}.onnx`;
  const journal = await Journal.create(join(directory, 'journal.jsonl'), '');
  const open = (file: string, expectedBytes: number): Promise<ResumableFile> =>
    ResumableFile.open(directory, file, { journal, expectedBytes });
  const quantizer = new InlineQuantizer();
  const context = { checkpoint, directory, open, quantizer, onBytes: () => undefined, onResumed: () => undefined };
  for (const name of [path, `${path}_data`]) rmSync(join(directory, name), { force: true });
  await writeGraph({ ...graph, outputs: [...graph.outputs, ...outputs] }, path, context);
  await journal.close();
  return await InferenceSession.create(join(directory, path), { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

function slice(name: string): TestSlice {
  const { packed_u8, tgt_size } = cases.images[name]!;
  const pixels = Float32Array.from(
    readBytes(packed_u8).data,
    (value) => Math.fround(Math.fround(value / 255) - 0.5) / 0.5,
  );
  return { pixels, grid: tgt_size };
}

async function runTower(names: readonly string[]): Promise<(name: string) => ArrayLike<number>> {
  const manifest = { model: manifestModel(config) };
  const outputs = await tower.run(sliceFeeds(manifest, names.map(slice)));
  return (name) => outputs[name]!.data as Float32Array;
}

describe('vision tower', () => {
  test.each(Object.keys(cases.images))('output for %s', async (name) => {
    const step = await runTower([name]);
    expect(largestDifference(step('vpm.post_layernorm'), readFloats(cases.images[name]!.vision).data)).toBeLessThan(
      TOWER_TOLERANCE,
    );
  });

  const batches = cases.batches.filter(({ vision }) => vision !== undefined);
  test.each(batches)('output for the joint batch of $images, padding included', async ({ images, vision }) => {
    const step = await runTower(images);
    expect(largestDifference(step('vpm.post_layernorm'), readFloats(vision!).data)).toBeLessThan(TOWER_TOLERANCE);
  });

  test('normalised pixels', () => {
    expect(largestDifference(slice('wide').pixels, readFloats('packed_wide_f32.npy').data)).toBe(0);
  });
});

test.each([
  ['vpm.embeddings', 'step_vision_wide_0.npy', TOWER_TOLERANCE],
  ['vpm.encoder.layers.0', 'step_vision_wide_1.npy', TOWER_TOLERANCE],
  ['vpm.encoder.layers.1', 'step_vision_wide_2.npy', TOWER_TOLERANCE],
  ['resampler.ln_kv', 'step_resampler_wide_kv.npy', RESAMPLER_TOLERANCE],
  ['resampler.keys', 'step_resampler_wide_key.npy', RESAMPLER_TOLERANCE],
  ['resampler.attn.out_proj', 'step_resampler_wide_attn.npy', RESAMPLER_TOLERANCE],
  ['resampler.ln_post', 'step_resampler_wide_ln_post.npy', RESAMPLER_TOLERANCE],
])('%s equals %s', async (name, file, tolerance) => {
  const step = await runTower(['wide']);
  expect(largestDifference(step(name), readFloats(file).data)).toBeLessThan(tolerance);
});

test('decoder layers', async () => {
  const sums = ['llm.model.layers.1.input_layernorm.sum', 'llm.model.norm.sum'];
  const session = await openWithSteps(buildDecoder(checkpoint, config, 'float32'), sums);
  const outputs = await runDecoder(session);
  for (const [layer, name] of sums.entries()) {
    const expected = readFloats(`step_llm_one_image_${layer}.npy`).data;
    expect(largestDifference(floats(outputs[name]), expected)).toBeLessThan(DECODER_TOLERANCE);
  }
});

test('a head cut along the vocabulary gives the same logits', async () => {
  const rowBytes = config.language.hiddenSize * 4;
  const whole = buildDecoder(checkpoint, config, 'float16');
  const cut = buildDecoder(checkpoint, config, 'float16', rowBytes * 200);
  const heads = (graph: GraphDefinition): readonly number[] =>
    graph.weights.filter(({ name }) => name.includes('lm_head')).map(({ shape }) => shape[1]!);
  expect(heads(whole)).toEqual([512]);
  expect(heads(cut)).toEqual([170, 171, 171]);
  const expected = floats((await runDecoder(await openWithSteps(whole, [])))['logits']);
  const actual = floats((await runDecoder(await openWithSteps({ ...cut, name: 'cut' }, [])))['logits']);
  expect(largestDifference(actual, expected)).toBeLessThan(DECODER_TOLERANCE);
});

function floats(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('float32 expected');
  return tensor.data;
}

/** Runs the golden embeddings through a decoder with an empty cache; logits of every position. */
async function runDecoder(session: InferenceSession): Promise<InferenceSession.OnnxValueMapType> {
  const { data } = readFloats('step_embeds_one_image.npy');
  const { kvHeads, headDim, layers, hiddenSize } = config.language;
  const count = data.length / hiddenSize;
  const long = (...values: number[]): Tensor =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
  const feeds: Record<string, Tensor> = {
    inputs_embeds: new Tensor('float32', data, [1, count, hiddenSize]),
    seqlens_k: new Tensor('int32', Int32Array.of(count - 1), [1]),
    total_sequence_length: new Tensor('int32', Int32Array.of(count), []),
    kv_start: long(0),
    kv_end: long(count),
    logits_index: long(...Array.from({ length: count }, (_, i) => i)),
  };
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ['key', 'value']) {
      feeds[`past.${layer}.${part}`] = new Tensor('float32', new Float32Array(kvHeads * headDim), [
        1,
        kvHeads,
        1,
        headDim,
      ]);
    }
  }
  return await session.run(feeds);
}
