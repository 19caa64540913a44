import { cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, root, temporaryFolder, withoutProgress } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

const data = path.join(root, 'packages', 'converter', 'test');
const pair = path.join(data, 'gguf-golden', 'float', 'pair');
const checkpoint = path.join(data, 'gguf-golden', 'float', 'checkpoint');
const language = path.join(pair, 'ggml-model-f16.gguf');
let folder: Folder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

describe('convert', () => {
  it('reads a GGUF file; JSON alone goes to standard output', async () => {
    const target = path.join(folder.path, 'model');
    const { code, stdout } = await pocketlens(['convert', language, target, '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([expect.objectContaining({ source: expect.objectContaining({ kind: 'gguf' }) })]);
    expect(await readdir(folder.path)).toEqual(['model']);
  });

  it('refuses an adapter of another model with one line', async () => {
    const target = path.join(folder.path, 'refused');
    const adapter = path.join(data, 'lora-golden', 'attention');
    const { code, stdout, stderr } = await pocketlens(['convert', checkpoint, target, '--lora', adapter]);
    expect([code, stdout]).toEqual([1, '']);
    expect(withoutProgress(stderr)).toMatch(/^error: adapter tensor .+ has shape \[4, 16\].+\n/);
    expect((await pocketlens(['convert', checkpoint, target, '--lora', 'absent'])).stderr).toContain('absent: no such');
  });

  it('ends with 130 when it is interrupted', async () => {
    const controller = new AbortController();
    controller.abort();
    const target = path.join(folder.path, 'interrupted');
    const { code, stdout } = await pocketlens(['convert', checkpoint, target], { signal: controller.signal });
    expect([code, stdout]).toEqual([130, '']);
  });
});

describe('inspect', () => {
  it.each([
    ['a checkpoint', () => checkpoint, 'checkpoint'],
    ['a GGUF pair', () => language, 'gguf'],
    ['a directory with one', () => pair, 'gguf'],
    ['a model directory', () => path.join(folder.path, 'model'), 'model'],
  ])('shows %s, and what fits', async (_, where, kind) => {
    const { code, stdout } = await pocketlens(['inspect', where(), '--context', '32', '--json']);
    expect(code).toBe(0);
    const [found] = jsonLines(stdout) as { memory: { needs: object[] } }[];
    expect(found).toMatchObject({
      kind,
      model: { layers: 2, hiddenSize: 128 },
      // 2 layers, keys and values, 2 heads of 32 float32.
      memory: { contextLength: 32, memoryBytes: expect.any(Number), availableBytes: expect.any(Number) },
    });
    expect(found!.memory.needs).toHaveLength(4);
    expect(found!.memory.needs[0]).toMatchObject({ dtype: 'q4', cacheBytes: 2 * 2 * 2 * 32 * 4 * 32, fits: true });
    const text = (await pocketlens(['inspect', where()])).stdout;
    expect(text).toMatch(/2 layers, width 128/);
    expect(text).toMatch(/memory to answer with 64 positions/);
    expect(text).toMatch(/^q4 +.+fits/m);
  });

  it('shows a single file as far as it goes', async () => {
    const alone = path.join(folder.path, 'alone.gguf');
    await cp(language, alone);
    for (const file of [alone, path.join(pair, 'mmproj-model-f16.gguf'), path.join(checkpoint, 'model.safetensors')]) {
      const { code, stdout } = await pocketlens(['inspect', file, '--json']);
      expect(code).toBe(0);
      expect(jsonLines(stdout)).toEqual([
        expect.objectContaining({ parameters: expect.any(Number), memory: expect.objectContaining({}) }),
      ]);
    }
  });

  it('refuses what is no model', async () => {
    expect(await pocketlens(['inspect', 'absent'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('absent'),
    });
    expect(await pocketlens(['inspect', checkpoint, '--verify'])).toMatchObject({ code: 2 });
    expect(await pocketlens(['inspect', path.join(checkpoint, 'config.json')])).toMatchObject({ code: 1 });
    expect(await pocketlens(['inspect', folder.path])).toMatchObject({ code: 1 });
  });
});
