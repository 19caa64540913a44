import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { convert } from '@pocketlens/converter';
import { modelDirectory } from '@pocketlens/model-tiny';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from '../src/run.js';
import { type Folder, root, temporaryFolder, writeCheckpoint } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

const QUICK = ['--slices', '1', '--prefill', '8', '--decode', '12,4', '--new-tokens', '3', '--rounds', '2'];

const time = { ms: expect.any(Number), cpuMs: expect.any(Number) };
const sampled = { ...time, bestMs: expect.any(Number) };
const memory = { residentBytes: expect.any(Number) };

describe('pocketlens bench', () => {
  it('measures the embedded model: one JSON object', async () => {
    const { code, stdout } = await pocketlens(['bench', '--json', '--threads', '1', ...QUICK]);
    expect(code).toBe(0);
    const [report, ...more] = jsonLines(stdout) as { memory: Record<string, unknown>; decode: { ms: number }[] }[];
    expect(more).toEqual([]);
    expect(report).toMatchObject({
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      version: expect.any(String),
      machine: { cpu: expect.any(String), cores: expect.any(Number), memoryBytes: expect.any(Number) },
      model: { name: 'pocketlens-tiny', dtype: 'fp16', directory: expect.any(String) },
      backend: { name: 'onnxruntime-node', threads: 1, settings: {} },
      load: time,
      encode: [{ slices: 1, patches: 576, rounds: 2, slicesPerSecond: expect.any(Number), ...sampled }],
      prefill: [{ tokens: 8, rounds: 2, tokensPerSecond: expect.any(Number), ...sampled }],
      decode: [
        { context: 4, rounds: 3, tokensPerSecond: expect.any(Number), ...sampled },
        { context: 12, rounds: 3, tokensPerSecond: expect.any(Number), ...sampled },
      ],
      memory: { loaded: memory, most: memory, peakResidentBytes: expect.any(Number) },
    });
    expect(report?.decode.every(({ ms }) => ms > 0)).toBe(true);
  });

  it('is a table for people', async () => {
    const { code, stdout } = await pocketlens(['bench', ...QUICK]);
    expect(code).toBe(0);
    for (const line of [
      'pocketlens-tiny, fp16',
      'load',
      'encode 1 of 576',
      'prefill 8',
      'decode a token at 12',
      'peak',
    ]) {
      expect(stdout).toContain(line);
    }
  });

  it('hands settings to the engine and tells them', async () => {
    const settings = ['--kv-cache', 'int8', '--prefill-chunk', '4', '--spinning'];
    const { code, stdout } = await pocketlens(['bench', '--json', ...QUICK, ...settings]);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({
        backend: expect.objectContaining({
          settings: { kvCache: 'int8', prefillChunk: 4, spinning: true },
        }),
      }),
    ]);
  });

  it('leaves out what is not wanted', async () => {
    const args = ['bench', '--json', '--slices', 'none', '--prefill', 'none', '--decode', 'none'];
    expect(jsonLines((await pocketlens(args)).stdout)).toEqual([
      expect.objectContaining({ encode: [], prefill: [], decode: [] }),
    ]);
  });

  it.each([
    ['words for numbers', ['--prefill', '1,many'], 'whole numbers'],
    ['more positions than the model has', ['--decode', '9000'], '9033 positions'],
  ])('refuses %s', async (_, args, words) => {
    const { code, stdout, stderr } = await pocketlens(['bench', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  it('tells how to convert a model that lacks the weights for prompts', async () => {
    const { code, stderr } = await pocketlens(['bench', '--prefill-dtype', 'int8', ...QUICK]);
    expect(code).toBe(1);
    expect(stderr).toContain('pocketlens convert CHECKPOINT MODEL --dtype fp16,int8');
  });

  it('names a model that is not there', async () => {
    const { code, stderr } = await pocketlens(['bench', '--model', path.join(root, 'absent')]);
    expect(code).toBe(1);
    expect(stderr).toContain('there is no such folder');
  });

  it('finds a model by its name in the Hugging Face cache', async () => {
    const folder = await temporaryFolder();
    vi.stubEnv('HF_HUB_CACHE', folder.path);
    try {
      const repository = path.join(folder.path, 'models--org--model');
      const commit = 'ab'.repeat(20);
      const snapshot = path.join(repository, 'snapshots', commit);
      await mkdir(path.join(repository, 'refs'), { recursive: true });
      await writeFile(path.join(repository, 'refs', 'main'), commit);
      await cp(modelDirectory, snapshot, { recursive: true });
      const args = ['--slices', 'none', '--prefill', 'none', '--decode', 'none'];
      const { code, stdout } = await pocketlens(['bench', '--model', 'org/model', '--json', ...args]);
      expect(code).toBe(0);
      expect(jsonLines(stdout)).toMatchObject([{ model: { name: 'pocketlens-tiny', directory: snapshot } }]);
    } finally {
      vi.unstubAllEnvs();
      await folder.remove();
    }
  });
});

describe('a model without a preprocessor configuration', () => {
  let folder: Folder;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const checkpoint = path.join(folder.path, 'checkpoint');
    await mkdir(checkpoint);
    await writeCheckpoint(checkpoint);
    await convert({ source: checkpoint, target: path.join(folder.path, 'model'), dtypes: ['q4', 'int8'] });
  });

  afterAll(() => folder.remove());

  it('is measured with other weights for the prompt', async () => {
    const types = ['--dtype', 'q4', '--prefill-dtype', 'int8'];
    const args = ['bench', '--model', path.join(folder.path, 'model'), ...types, '--slices', 'none', '--decode', '16'];
    const sizes = ['--prefill', '16', '--new-tokens', '2', '--rounds', '1'];
    const { stdout } = await pocketlens([...args, ...sizes, '--json']);
    expect(jsonLines(stdout)).toMatchObject([
      { model: { dtype: 'q4', prefillDtype: 'int8' }, prefill: [{ tokens: 16 }], decode: [{ context: 16 }] },
    ]);
    expect((await pocketlens([...args, ...sizes])).stdout).toContain(', q4 (prefill int8), onnxruntime-node');
  });

  it('is measured with slices of the published size', async () => {
    const { code, stdout, stderr } = await pocketlens([
      'bench',
      '--json',
      '--model',
      path.join(folder.path, 'model'),
      ...QUICK,
    ]);
    expect({ code, stderr: stderr.replace(/^warning: the machine is busy.*\n/, '') }).toEqual({ code: 0, stderr: '' });
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ encode: [expect.objectContaining({ patches: 1024 })] }),
    ]);
  });
});

describe('Ctrl-C', () => {
  it('ends a long measurement with 130 and one error object', async () => {
    const controller = new AbortController();
    let stdout = '';
    let progress = '';
    const code = await runCli(
      ['bench', '--json', '--slices', 'none', '--prefill', '8000', '--rounds', '1000', '--seconds', '3600'],
      {
        stdin: { async *[Symbol.asyncIterator]() {} },
        stdout: { write: (chunk) => ((stdout += String(chunk)), true), once: () => {} },
        stderr: {
          isTTY: true,
          once: () => {},
          write: (chunk) => {
            progress += String(chunk);
            if (progress.includes('reading 8000')) setImmediate(() => controller.abort(new Error('interrupted')));
            return true;
          },
        },
        env: {},
        signal: controller.signal,
      },
    );
    expect(code).toBe(130);
    expect(jsonLines(stdout)).toEqual([{ error: { code: 'ABORTED', message: 'interrupted' } }]);
    expect(progress.endsWith('\u001B[K'), 'the progress line is wiped').toBe(true);
  });
});
