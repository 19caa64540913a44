import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { convert } from '@pocketlens/converter';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = path.join(import.meta.dirname, 'make-random-checkpoint.mjs');
let folder = '';

async function make(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [script, ...args]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocketlens-checkpoint-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the full-size checkpoint', () => {
  it('has files of the lengths that were published', async () => {
    const { stdout } = await make('--preset', '8b', '--plan');
    const plan = JSON.parse(stdout) as { file: string; bytes: number; tensors: number }[];
    // Git LFS pointers of openbmb/MiniCPM-Llama3-V-2_5.
    expect(plan.map(({ bytes }) => bytes)).toEqual([
      2_443_235_064, 2_416_006_592, 2_499_909_808, 2_499_909_832, 2_416_006_640, 2_499_909_816, 2_299_293_224,
    ]);
    expect(plan.map(({ tensors }) => tensors)).toEqual([32, 47, 53, 53, 47, 53, 456]);
    expect(plan[6]?.file).toBe('model-00007-of-00007.safetensors');
  });
});

describe('a small checkpoint', () => {
  const checkpoint = (): string => path.join(folder, 'checkpoint');

  beforeAll(async () => {
    expect(await make('--preset', 'tiny', '--out', checkpoint(), '--layers', '1')).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  it('leaves nothing beside it', async () => {
    expect(await readdir(folder)).toEqual(['checkpoint']);
    const shards = (await readdir(checkpoint())).filter((name) => name.endsWith('.safetensors'));
    expect(shards.length).toBeGreaterThan(1);
  });

  it('is the same for the same seed and another for another', async () => {
    const beginning = async (directory: string): Promise<string> => {
      const file = await open(path.join(directory, 'model-00001-of-00002.safetensors'));
      const { size } = await file.stat();
      const { buffer } = await file.read({ buffer: Buffer.alloc(4096), position: size - 4096 });
      await file.close();
      return buffer.toString('hex');
    };
    const args = ['--preset', 'tiny', '--layers', '1', '--seed'];
    await make(...args, '1', '--out', path.join(folder, 'same'));
    await make(...args, '2', '--out', path.join(folder, 'other'));
    expect(await beginning(path.join(folder, 'same'))).toBe(await beginning(checkpoint()));
    expect(await beginning(path.join(folder, 'other'))).not.toBe(await beginning(checkpoint()));
  });

  it('is not replaced without --force', async () => {
    const before = await stat(checkpoint());
    const { code, stderr } = await make('--preset', 'tiny', '--out', checkpoint());
    expect(code).toBe(2);
    expect(stderr).toContain('--force');
    expect((await stat(checkpoint())).ino).toBe(before.ino);
  });

  it('converts to a model that computes finite numbers that depend on the input', async () => {
    const target = path.join(folder, 'model');
    const { manifest } = await convert({ source: checkpoint(), target, dtypes: ['fp32'] });
    expect(manifest.model).toMatchObject({ name: 'random-tiny', layers: 1, vocabSize: 128256 });
    const ranks = await readFile(path.join(target, 'tokenizer.model'), 'latin1');
    expect(ranks.trimEnd().split('\n')).toHaveLength(128_000);

    const model = await onnxruntimeNode().loadModel(target);
    const last = async (ids: readonly number[]): Promise<Float32Array> => {
      const sequence = model.createSequence();
      const logits = await sequence.append([{ ids }]);
      sequence.dispose();
      if (logits.type !== 'dense') throw new Error('expected dense logits');
      return logits.data;
    };
    const [first, second] = [await last([1, 2, 3]), await last([3, 2, 1])];
    expect(first.every(Number.isFinite)).toBe(true);
    const spread = Math.max(...first.subarray(0, 1000)) - Math.min(...first.subarray(0, 1000));
    expect(spread).toBeGreaterThan(0.1);
    expect(first).not.toEqual(second);
    await model.dispose();
  });
});

describe('wrong usage', () => {
  it.each([
    ['no preset', ['--out', 'x']],
    ['an unknown preset', ['--preset', '9b', '--out', 'x']],
    ['no folder', ['--preset', 'tiny']],
    ['no layers', ['--preset', 'tiny', '--out', 'x', '--layers', '0']],
    ['an unknown option', ['--preset', 'tiny', '--outt', 'x']],
  ])('%s exits with 2', async (_, args) => {
    const { code, stderr } = await make(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .+\n$/);
  });
});
