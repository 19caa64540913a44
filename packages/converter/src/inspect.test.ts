import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smallConfig, tensorShapes, writeRandomCheckpoint } from '../test/random-checkpoint.js';
import { convert } from './convert.js';
import { inspect } from './inspect.js';

const root = mkdtempSync(join(tmpdir(), 'pocketlens-inspect-'));
const source = join(root, 'checkpoint');
const target = join(root, 'model');
const parameters = tensorShapes(smallConfig()).reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);
/** Computed tables that graphs hold beside the weights: cosines, sines and the resampler's frequencies. */
const tableValues = 2 * 512 * 16 + 128 / 4;

beforeAll(async () => {
  writeRandomCheckpoint(source);
  await convert({ source, target, dtypes: ['fp32', 'fp16'] });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a checkpoint: its three networks', async () => {
  const found = await inspect(source);
  expect(found).toMatchObject({
    kind: 'checkpoint',
    directory: source,
    parameters,
    bytes: parameters * 2,
    model: { version: '2.5', hiddenSize: 128 },
  });
  expect(found.parts.map(({ part, dtype }) => [part, dtype])).toEqual([
    ['vision_tower', 'F16'],
    ['resampler', 'F16'],
    ['language_model', 'F16'],
  ]);
  expect(found.parts[1]?.tensors).toContainEqual(
    expect.objectContaining({ name: 'resampler.query', dtype: 'F16', shape: [5, 128], bytes: 1280 }),
  );
});

test('a model directory: the parts of its manifest', async () => {
  const found = await inspect(target);
  expect(found).toMatchObject({ kind: 'model', directory: target, parameters: 2 * (parameters + tableValues) });
  expect(found.parts.map(({ part, dtype }) => `${part} ${dtype}`)).toEqual([
    'vision_encoder fp32',
    'embed_tokens fp32',
    'decoder fp32',
    'vision_encoder fp16',
    'embed_tokens fp16',
    'decoder fp16',
  ]);
  expect(found.parts[1]?.tensors).toEqual([
    {
      name: 'embed_tokens.weight',
      dtype: 'F32',
      shape: [61, 128],
      bytes: 61 * 128 * 4,
      file: 'embed_tokens.safetensors',
    },
  ]);
  expect(found.parts[5]?.tensors).toContainEqual({
    name: 'llm.lm_head.weight.transposed',
    dtype: 'float16',
    shape: [128, 61],
    bytes: 61 * 128 * 2,
    file: 'onnx/decoder_model_merged_fp16.onnx_data',
  });
});

describe('a damaged model directory', () => {
  const damage = async (file: string, edit: (path: string) => void): Promise<unknown> => {
    const path = join(target, file);
    const before = readFileSync(path);
    edit(path);
    try {
      return await inspect(target).catch((error: unknown) => error);
    } finally {
      writeFileSync(path, before);
    }
  };
  const manifest = (change: object) => (path: string) =>
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change }));

  test('weights that end early', async () => {
    const failure = await damage('onnx/decoder_model_merged.onnx_data', (path) => truncateSync(path, 5000));
    expect(failure).toMatchObject({
      code: 'MODEL_TENSOR_BOUNDS',
      message: expect.stringContaining('the file has 5000 bytes'),
    });
  });

  test('a file that is missing', async () => {
    const failure = await damage('onnx/decoder_model_merged.onnx_data', (path) => rmSync(path));
    expect(failure).toMatchObject({ code: 'MODEL_SHARD' });
  });

  test('a graph that is cut', async () => {
    const failure = await damage('onnx/vision_encoder.onnx', (path) => truncateSync(path, 1000));
    expect(failure).toMatchObject({ code: 'MODEL_HEADER', message: expect.stringContaining('not an ONNX file') });
  });

  test.each(['../secret', '/x/secret_data', 'a/../../secretx'])('weights at %s', async (location) => {
    const failure = await damage('onnx/vision_encoder.onnx', (path) => {
      const old = 'vision_encoder.onnx_data';
      const text = readFileSync(path, 'latin1').replaceAll(
        old,
        `${location}${'y'.repeat(old.length - location.length)}`,
      );
      writeFileSync(path, text, 'latin1');
    });
    expect(failure).toMatchObject({ code: 'MODEL_EXTERNAL_PATH', message: expect.stringContaining(location) });
  });

  test('a manifest of a newer version, of another format, with a part outside', async () => {
    expect(await damage('pocketlens.json', manifest({ formatVersion: 2 }))).toMatchObject({ code: 'MODEL_VERSION' });
    expect(await damage('pocketlens.json', manifest({ format: 'other' }))).toMatchObject({ code: 'MODEL_CONFIG' });
    const parts = [{ part: 'decoder', dtype: 'fp32', file: '../x.onnx' }];
    expect(await damage('pocketlens.json', manifest({ parts }))).toMatchObject({ code: 'MODEL_EXTERNAL_PATH' });
    expect(await damage('pocketlens.json', manifest({ parts: [1] }))).toMatchObject({ code: 'MODEL_CONFIG' });
  });
});

test('an empty directory', async () => {
  await expect(inspect(root)).rejects.toMatchObject({ code: 'MODEL_CONFIG' });
});
