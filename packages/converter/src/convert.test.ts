import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { contents } from '../test/contents.js';
import { smallConfig, writeRandomCheckpoint, type RandomCheckpointOptions } from '../test/random-checkpoint.js';
import { convert, type ConvertOptions, type ConvertProgress } from './convert.js';
import { AbortError } from './errors.js';
import type { Manifest } from './output/manifest.js';

const root = mkdtempSync(join(tmpdir(), 'pocketlens-convert-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let room: string;
let source: string;
let target: string;
let count = 0;

beforeEach(() => {
  room = join(root, String(count++));
  source = join(room, 'checkpoint');
  target = join(room, 'model');
});

const run = (options: Partial<ConvertOptions> = {}): Promise<{ manifest: Manifest }> =>
  convert({ source, target, dtypes: ['fp32'], ...options });

describe('what is written', () => {
  test('the layout, the copied files and the manifest', async () => {
    writeRandomCheckpoint(source);
    const kept = { 'tokenizer.json': '{}', 'generation_config.json': '{"eos_token_id":2}', LICENSE: 'text' };
    for (const [name, text] of Object.entries(kept)) writeFileSync(join(source, name), text);
    writeFileSync(join(source, 'README.md'), '---\nlicense: apache-2.0\n---\n# Model\n');
    writeFileSync(join(source, 'modeling_minicpmv.py'), 'not copied');
    const { manifest } = await run({ dtypes: ['fp32', 'fp16', 'fp32'] });

    const written = contents(target);
    expect(Object.keys(written).sort()).toEqual([
      'LICENSE',
      'README.md',
      'config.json',
      'embed_tokens.safetensors',
      'embed_tokens_fp16.safetensors',
      'generation_config.json',
      'onnx/decoder_model_merged.onnx',
      'onnx/decoder_model_merged.onnx_data',
      'onnx/decoder_model_merged_fp16.onnx',
      'onnx/decoder_model_merged_fp16.onnx_data',
      'onnx/vision_encoder.onnx',
      'onnx/vision_encoder.onnx_data',
      'onnx/vision_encoder_fp16.onnx',
      'onnx/vision_encoder_fp16.onnx_data',
      'pocketlens.json',
      'tokenizer.json',
    ]);
    expect(JSON.parse(readFileSync(join(target, 'pocketlens.json'), 'utf8'))).toEqual(manifest);
    const { 'pocketlens.json': _, ...listed } = written;
    expect(Object.fromEntries(manifest.files.map(({ path, sha256 }) => [path, sha256]))).toEqual(listed);
    for (const { path, size } of manifest.files) expect(statSync(join(target, path)).size).toBe(size);
    expect(manifest).toMatchObject({
      format: 'pocketlens',
      formatVersion: 1,
      license: 'apache-2.0',
      model: {
        name: 'checkpoint',
        version: '2.5',
        hiddenSize: 128,
        layers: 2,
        heads: 4,
        kvHeads: 2,
        headDim: 32,
        queries: 5,
      },
      source: { kind: 'checkpoint', files: [{ path: 'model-00001-of-00002.safetensors' }, {}] },
    });
    expect(manifest.parts).toContainEqual({
      part: 'decoder',
      dtype: 'fp16',
      file: 'onnx/decoder_model_merged_fp16.onnx',
      externalData: ['onnx/decoder_model_merged_fp16.onnx_data'],
    });
    expect(readdirSync(room).sort()).toEqual(['checkpoint', 'model']);
  });

  test('the same bytes every time', async () => {
    writeRandomCheckpoint(source);
    await run();
    const first = contents(target);
    await run({ force: true });
    expect(contents(target)).toEqual(first);
  });

  test('progress ends at the total', async () => {
    writeRandomCheckpoint(source);
    const events: ConvertProgress[] = [];
    await run({ dtypes: ['fp16'], onProgress: (event) => events.push(event) });
    const done = events.map(({ bytesDone }) => bytesDone);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(events[0]!.bytesTotal);
  });
});

describe('the target is absent or complete', () => {
  test('after an abort at any moment; with unfinished work thrown away nothing is left', async () => {
    writeRandomCheckpoint(source);
    let events = 0;
    await run({ onProgress: () => events++ });
    rmSync(target, { recursive: true });
    for (const moment of [0, 1, Math.floor(events / 2), events - 1]) {
      const controller = new AbortController();
      let seen = 0;
      if (moment === 0) controller.abort('reason');
      const onProgress = (): void => void (++seen === moment && controller.abort('reason'));
      const options = { signal: controller.signal, onProgress, unfinished: 'discard' } as const;
      const failure = await run(options).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(AbortError);
      expect(failure).toMatchObject({ code: 'ABORTED', name: 'AbortError', cause: 'reason' });
      expect(readdirSync(room)).toEqual(['checkpoint']);
    }
  });

  test('after two runs at the same time: one writes it, the other is refused', async () => {
    writeRandomCheckpoint(source);
    const results = await Promise.allSettled([run(), run()]);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]!.reason).toMatchObject({ code: 'OUTPUT_LOCKED', details: { pid: process.pid } });
    expect(readdirSync(room).toSorted()).toEqual(['checkpoint', 'model']);
    await expect(run()).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
  });

  test('after a shard that is cut', async () => {
    writeRandomCheckpoint(source);
    const options = { onProgress: () => truncateSync(join(source, 'model-00001-of-00002.safetensors'), 5000) };
    await expect(run(options)).rejects.toMatchObject({ code: 'MODEL_TENSOR_BOUNDS' });
    expect(readdirSync(room)).toEqual(['checkpoint']);
  });

  test('a target that is not empty is not touched without force', async () => {
    writeRandomCheckpoint(source);
    mkdirSync(target);
    writeFileSync(join(target, 'mine.txt'), 'mine');
    await expect(run()).rejects.toMatchObject({ code: 'ARGUMENT_RANGE', hint: expect.stringContaining('--force') });
    expect(readdirSync(target)).toEqual(['mine.txt']);
    await run({ force: true });
    expect(existsSync(join(target, 'mine.txt'))).toBe(false);
    expect(readdirSync(room).sort()).toEqual(['checkpoint', 'model']);
  });

  test('a failed replacement keeps the old directory', async () => {
    writeRandomCheckpoint(source);
    await run();
    const before = contents(target);
    const controller = new AbortController();
    const options = { force: true, signal: controller.signal, onProgress: () => controller.abort() };
    await expect(run(options)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(contents(target)).toEqual(before);
    // A run that was killed between the two renames of a replacement.
    mkdirSync(join(room, '.model.partial'), { recursive: true });
    renameSync(target, join(room, '.model.partial', 'previous'));
    await expect(run()).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    expect(contents(target)).toEqual(before);
  });

  test('an empty target is filled, a file is refused', async () => {
    writeRandomCheckpoint(source);
    mkdirSync(target);
    await run();
    expect(existsSync(join(target, 'pocketlens.json'))).toBe(true);
    const file = join(room, 'file');
    writeFileSync(file, '');
    await expect(run({ target: file })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    await expect(run({ target: join(file, 'below') })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
  });

  test('force never removes the source', async () => {
    writeRandomCheckpoint(source);
    const before = contents(source);
    for (const over of [source, room]) {
      await expect(run({ target: over, force: true })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    }
    // Nor a shard, or an adapter, that lies there.
    mkdirSync(join(target, 'blobs'), { recursive: true });
    const shard = join(source, 'model-00001-of-00002.safetensors');
    renameSync(shard, join(target, 'blobs', 'shard'));
    symlinkSync(join(target, 'blobs', 'shard'), shard);
    await expect(run({ force: true })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    expect(contents(source)).toEqual(before);
  });
});

describe('what is refused', () => {
  const refuse = async (options: RandomCheckpointOptions, edit: () => void = () => undefined): Promise<unknown> => {
    writeRandomCheckpoint(source, options);
    edit();
    const failure = await run().catch((error: unknown) => error);
    expect(existsSync(target)).toBe(false);
    return failure;
  };
  const editIndex = (change: (map: Record<string, string>) => void): void => {
    const path = join(source, 'model.safetensors.index.json');
    const index = JSON.parse(readFileSync(path, 'utf8')) as { weight_map: Record<string, string> };
    change(index.weight_map);
    writeFileSync(path, JSON.stringify(index));
  };
  const editConfig = (change: Record<string, unknown>): void =>
    writeFileSync(join(source, 'config.json'), JSON.stringify({ ...smallConfig(), ...change }));

  test('arguments', async () => {
    writeRandomCheckpoint(source);
    await expect(run({ dtypes: [] })).rejects.toMatchObject({ code: 'ARGUMENT_TYPE' });
    // A caller without types can pass anything.
    await expect(run({ unfinished: 'ask' as 'keep' })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    for (const threads of [0, 1.5, 65, NaN, '2' as unknown as number]) {
      await expect(run({ threads })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    }
    await expect(run({ dtypes: ['q9' as 'fp32'] })).rejects.toThrow('dtype "q9"; known are fp32, fp16');
  });

  test('a directory without config.json, or none at all', async () => {
    await expect(run()).rejects.toMatchObject({
      code: 'MODEL_CONFIG',
      message: expect.stringContaining('has no config.json'),
    });
    writeRandomCheckpoint(source);
    await expect(run({ source: join(source, 'config.json') })).rejects.toMatchObject({ code: 'MODEL_CONFIG' });
  });

  test('a config that is not JSON', async () => {
    expect(await refuse({}, () => writeFileSync(join(source, 'config.json'), '{'))).toMatchObject({
      code: 'MODEL_CONFIG',
    });
  });

  test('a layer more than the weights have: the first missing tensor', async () => {
    expect(await refuse({}, () => editConfig({ num_hidden_layers: 3 }))).toMatchObject({
      code: 'MODEL_CONFIG',
      details: { tensor: 'llm.model.layers.2.input_layernorm.weight' },
    });
  });

  test('a size that the weights do not have', async () => {
    expect(await refuse({}, () => editConfig({ query_num: 6 }))).toMatchObject({
      message: expect.stringContaining(
        '"resampler.query" of checkpoint has shape [5, 128], config.json asks for [6, 128]',
      ),
    });
  });

  test.each([
    ['hidden_size', 0],
    ['hidden_size', '128'],
    ['hidden_size', undefined],
    ['num_hidden_layers', 1e9],
    ['head_dim', 7],
    ['num_key_value_heads', 3],
    ['rms_norm_eps', -1],
    ['rope_theta', 'large'],
    ['batch_vision_input', 'yes'],
    ['version', 'latest'],
    ['attention_bias', true],
    ['rope_scaling', { type: 'linear', factor: 2 }],
    ['hidden_act', 'relu'],
    ['vision_config', []],
    ['vision_config', { ...(smallConfig()['vision_config'] as object), hidden_act: 'constructor' }],
    ['vision_config', { ...(smallConfig()['vision_config'] as object), num_channels: 4 }],
  ])('config.json with %s %o', async (key, value) => {
    const failure = await refuse({}, () => editConfig({ [key]: value }));
    expect(failure).toMatchObject({ code: 'MODEL_CONFIG', message: expect.stringContaining(key) });
  });

  test('a text-only model', async () => {
    const edit = (): void =>
      editIndex((map) => {
        for (const name of Object.keys(map)) if (name.startsWith('vpm.')) delete map[name];
      });
    expect(await refuse({}, edit)).toMatchObject({
      code: 'MODEL_CONFIG',
      message: expect.stringContaining('no vision tensors (`vpm.*`)'),
    });
  });

  test.each(['../../etc/passwd', '/etc/passwd', 'a/../../x', 'C:\\x', '..\\x', ''])(
    'a shard named %s',
    async (name) => {
      const edit = (): void => editIndex((map) => void (map['resampler.proj'] = name));
      expect(await refuse({}, edit)).toMatchObject({
        code: 'MODEL_EXTERNAL_PATH',
        message: expect.stringContaining(JSON.stringify(name)),
      });
    },
  );

  test('a shard that is missing', async () => {
    const edit = (): void => rmSync(join(source, 'model-00002-of-00002.safetensors'));
    expect(await refuse({}, edit)).toMatchObject({
      code: 'MODEL_SHARD',
      message: expect.stringContaining('model-00002-of-00002.safetensors'),
    });
  });

  test('tensors of the index that their shard lacks: five names at most', async () => {
    const edit = (): void =>
      editIndex((map) => {
        for (let i = 0; i < 7; i++) map[`absent.${i}`] = 'model-00001-of-00002.safetensors';
      });
    const failure = await refuse({}, edit);
    expect(failure).toMatchObject({
      code: 'MODEL_SHARD',
      message: expect.stringMatching(/^7 tensors .*absent\.4 \([^)]*\)$/),
    });
  });

  test('neither an index nor one file', async () => {
    expect(await refuse({}, () => rmSync(join(source, 'model.safetensors.index.json')))).toMatchObject({
      code: 'MODEL_SHARD',
    });
  });

  test('a value beyond float16 for fp16', async () => {
    const tensors = writeRandomCheckpoint(source, { dtype: 'F32', shards: 1 });
    const path = join(source, 'model.safetensors');
    const file = readFileSync(path);
    file.writeFloatLE(1e6, file.byteLength - tensors.get('vpm.post_layernorm.bias')!.values.byteLength - 8);
    writeFileSync(path, file);
    await run();
    rmSync(target, { recursive: true });
    // Vectors stay float32, so the changed norm weight is fine; the embedding's first value is not.
    await run({ dtypes: ['fp16'] });
    rmSync(target, { recursive: true });
    file.writeFloatLE(1e6, 8 + Number(file.readBigUInt64LE(0)));
    writeFileSync(path, file);
    await expect(run({ dtypes: ['fp16'] })).rejects.toMatchObject({
      code: 'MODEL_DTYPE',
      message: expect.stringContaining('embed_tokens'),
    });
  });
});

test('a checkpoint of links, as in a download cache, converts', async () => {
  const real = join(room, 'blobs');
  writeRandomCheckpoint(real, { shards: 1 });
  cpSync(real, source, { recursive: true });
  rmSync(join(source, 'model.safetensors'));
  symlinkSync(join(real, 'model.safetensors'), join(source, 'model.safetensors'));
  await run();
  expect(existsSync(join(target, 'pocketlens.json'))).toBe(true);
});
