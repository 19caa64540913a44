import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { modelDirectory } from '@pocketlens/model-tiny';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, root, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

const QUICK = ['bench', '--json', '--slices', 'none', '--prefill', 'none', '--decode', 'none'];

interface Tuning {
  readonly threads: number;
  readonly spinning: boolean;
  readonly prefillChunk: number;
}

let folder: Folder;
let env: Record<string, string>;

beforeEach(async () => {
  folder = await temporaryFolder();
  env = { XDG_CACHE_HOME: folder.path };
});

afterEach(() => folder.remove());

const kept = (): string => path.join(folder.path, 'pocketlens', 'tuning');

async function benchTuning(...args: string[]): Promise<Tuning | undefined> {
  const { code, stdout } = await pocketlens([...QUICK, ...args], { env });
  expect(code).toBe(0);
  const [{ backend }] = jsonLines(stdout) as [{ backend: { threads: number; tuning?: Tuning } }];
  if (backend.tuning !== undefined) expect(backend.threads).toBe(backend.tuning.threads);
  return backend.tuning;
}

describe('a measured choice of settings', () => {
  it('is made by doctor --tune, and used by other commands unless they are told not to', async () => {
    const { code, stdout } = await pocketlens(['doctor', '--tune', '--json'], { env });
    expect(code).toBe(0);
    const [{ tuning }] = jsonLines(stdout) as [{ tuning: Tuning }];
    expect(tuning).toMatchObject({ directory: modelDirectory, isStored: true, steps: expect.any(Array) });
    const { threads, spinning, prefillChunk } = tuning;
    expect(await benchTuning()).toEqual({ threads, spinning, prefillChunk });
    expect(await benchTuning('--no-tune')).toBeUndefined();
    expect(await benchTuning('--threads', '1')).toBeUndefined();
    expect(await readdir(kept())).toHaveLength(1);
  });

  it('is a table for people', async () => {
    const { code, stdout } = await pocketlens(['doctor', '--tune'], { env });
    expect(code).toBe(0);
    expect(stdout).toContain(`Settings for ${modelDirectory}, measured`);
    expect(stdout).toMatch(/^chosen: \d+ threads?, (not )?spinning, \d+ positions a pass; kept for later loads$/m);
  });

  it('is made by --tune of any command where there is none', async () => {
    const receipt = path.join(root, 'examples', 'receipt.png');
    const ask = ['ask', receipt, '-p', 'What is the total?', '--max-new-tokens', '2'];
    const plain = await pocketlens(ask, { env });
    expect(existsSync(kept())).toBe(false);
    const tuned = await pocketlens([...ask, '--tune'], { env });
    expect(tuned).toMatchObject({ code: 0, stdout: plain.stdout });
    const [entry] = await readdir(kept());
    const bench = await benchTuning('--tune');
    expect(bench).toBeDefined();
    expect(await readdir(kept())).toEqual([entry]);
  });

  it('stops on Ctrl-C', async () => {
    const signal = AbortSignal.abort(new Error('interrupted'));
    expect(await pocketlens(['doctor', '--tune'], { env, signal })).toMatchObject({ code: 130, stdout: '' });
    expect(existsSync(kept())).toBe(false);
  });
});
