import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertGolden } from '../test/golden.js';
import { DirectorySource, onnxruntimeNode, verifyModel } from './index.js';

type Json = Record<string, unknown>;

describe('damaged model directories', () => {
  let whole: string;
  let root: string;
  let cleanUp: () => Promise<void>;
  let copies = 0;

  beforeAll(async () => {
    const { directory, remove } = await convertGolden();
    whole = directory;
    cleanUp = remove;
    root = await mkdtemp(join(tmpdir(), 'pocketlens-bad-'));
  });

  afterAll(async () => {
    await cleanUp();
    await rm(root, { recursive: true });
  });

  async function damaged(damage: (directory: string) => Promise<unknown>): Promise<string> {
    const directory = join(root, String(copies++));
    await cp(whole, directory, { recursive: true });
    await damage(directory);
    return directory;
  }

  async function changeManifest(directory: string, change: (manifest: Json) => void): Promise<void> {
    const path = join(directory, 'pocketlens.json');
    const manifest = JSON.parse(await readFile(path, 'utf8')) as Json;
    change(manifest);
    await writeFile(path, JSON.stringify(manifest));
  }

  const load = (directory: string): Promise<unknown> => onnxruntimeNode({ threads: 1 }).loadModel(directory);

  it.each([
    'pocketlens.json',
    'config.json',
    'onnx/vision_encoder.onnx',
    'onnx/decoder_model_merged.onnx_data',
    'embed_tokens.safetensors',
  ])('names a missing %s', async (path) => {
    const directory = await damaged((copy) => rm(join(copy, path)));
    await expect(load(directory)).rejects.toMatchObject({ name: 'ModelFormatError', code: 'MODEL_FILE_MISSING' });
    await expect(load(directory)).rejects.toThrow(path);
  });

  it.each(['onnx/vision_encoder.onnx', 'onnx/decoder_model_merged.onnx_data', 'embed_tokens.safetensors'])(
    'names a cut %s',
    async (path) => {
      const directory = await damaged((copy) => truncate(join(copy, path), 100));
      await expect(load(directory)).rejects.toMatchObject({ code: 'MODEL_FILE_SIZE', details: { path } });
      await expect(load(directory)).rejects.toThrow(/has 100 bytes, pocketlens.json says \d+/);
    },
  );

  it.each([
    ['pocketlens.json', 'MODEL_MANIFEST'],
    ['config.json', 'MODEL_CONFIG'],
  ])('names a cut %s', async (path, code) => {
    const directory = await damaged((copy) => truncate(join(copy, path), 100));
    await expect(load(directory)).rejects.toMatchObject({ code });
    await expect(load(directory)).rejects.toThrow(path);
  });

  it('refuses a manifest of another version, without parts, or that leaves its folder', async () => {
    const newer = await damaged((copy) => changeManifest(copy, (manifest) => (manifest['formatVersion'] = 2)));
    await expect(load(newer)).rejects.toMatchObject({ code: 'MODEL_VERSION' });
    const empty = await damaged((copy) => changeManifest(copy, (manifest) => (manifest['parts'] = [])));
    await expect(load(empty)).rejects.toMatchObject({ code: 'MODEL_DTYPE' });
    for (const path of ['../secret', '/etc/passwd', 'onnx/../../secret', 'a\0b']) {
      const outside = await damaged((copy) =>
        changeManifest(copy, (manifest) => (manifest['files'] = [{ path, size: 1, sha256: 'x' }])),
      );
      await expect(load(outside)).rejects.toMatchObject({ code: 'MODEL_EXTERNAL_PATH' });
    }
  });

  it('says which types the model holds when another is asked for', async () => {
    const loading = onnxruntimeNode().loadModel(whole, { dtype: 'q4' });
    await expect(loading).rejects.toMatchObject({ code: 'MODEL_DTYPE', details: { wanted: 'q4', held: ['fp32'] } });
  });

  it('finds one altered bit on demand', async () => {
    await expect(verifyModel(whole)).resolves.toBeUndefined();
    const path = 'onnx/decoder_model_merged.onnx_data';
    const directory = await damaged(async (copy) => {
      const bytes = await readFile(join(copy, path));
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(join(copy, path), bytes);
    });
    await expect(verifyModel(directory)).rejects.toMatchObject({ code: 'MODEL_CHECKSUM', details: { path } });
    await expect(onnxruntimeNode().loadModel(directory, { verify: true })).rejects.toMatchObject({
      code: 'MODEL_CHECKSUM',
    });
    await expect(verifyModel(whole, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('reports a graph that is no graph', async () => {
    const path = 'onnx/decoder_model_merged.onnx';
    const directory = await damaged(async (copy) => {
      const { length } = await readFile(join(copy, path));
      await writeFile(join(copy, path), new Uint8Array(length).fill(0x55));
    });
    await expect(load(directory)).rejects.toMatchObject({ code: 'BACKEND_FAILED', details: { path } });
  });

  it('says that a folder does not exist, or that a folder stands where a file should', async () => {
    await expect(load(join(root, 'nowhere'))).rejects.toThrow(/no such folder/);
    const directory = await damaged(async (copy) => {
      await rm(join(copy, 'config.json'));
      await mkdir(join(copy, 'config.json'));
    });
    await expect(load(directory)).rejects.toMatchObject({ code: 'MODEL_FILE_MISSING' });
  });

  it('stops loading on a signal', async () => {
    const loading = onnxruntimeNode().loadModel(whole, { signal: AbortSignal.abort() });
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('onnxruntimeNode', () => {
  it('reports what it can do', async () => {
    const report = await onnxruntimeNode({ threads: 3 }).probe();
    expect(report).toMatchObject({ available: true, devices: ['cpu'], threads: 3 });
    expect(report.version).toMatch(/^\d+\.\d+/);
  });

  it('refuses a number of threads below one', () => {
    for (const threads of [0, -1, 1.5]) {
      expect(() => onnxruntimeNode({ threads })).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
    }
  });
});

describe('DirectorySource', () => {
  it('reads ranges and refuses to read past the end', async () => {
    const root = await mkdtemp(join(tmpdir(), 'pocketlens-source-'));
    await writeFile(join(root, 'data'), Uint8Array.of(1, 2, 3, 4, 5));
    const file = await new DirectorySource(root).open('data');
    expect(file.size).toBe(5);
    expect(Array.from(await file.read(1, 3))).toEqual([2, 3, 4]);
    await expect(file.read(3, 3)).rejects.toMatchObject({ code: 'MODEL_FILE_SIZE' });
    await file.close();
    await rm(root, { recursive: true });
  });
});
