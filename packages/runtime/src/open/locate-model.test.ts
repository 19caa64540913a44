import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openModel } from '../index.js';
import { locateModel } from './locate-model.js';

const COMMIT = 'ab'.repeat(20);
let root = '';
let snapshot = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pocketlens-locate-'));
  const folder = join(root, 'hub', 'models--org--model');
  snapshot = join(folder, 'snapshots', COMMIT);
  await mkdir(snapshot, { recursive: true });
  await mkdir(join(folder, 'refs'));
  await writeFile(join(folder, 'refs', 'main'), COMMIT);
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE']) vi.stubEnv(name, undefined);
  vi.stubEnv('HF_HOME', root);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

describe('a model by its name in the Hugging Face cache', () => {
  it('opens, through the links of the cache', async () => {
    const modelDirectory = await locateModel('tiny');
    for (const file of await readdir(modelDirectory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const path = join(file.parentPath, file.name);
      const link = join(snapshot, path.slice(modelDirectory.length));
      await mkdir(join(link, '..'), { recursive: true });
      await symlink(path, link);
    }
    expect(await locateModel('org/model')).toBe(snapshot);
    const model = await openModel('org/model', { threads: 1 });
    expect(model.dtype).toMatch(/^fp/);
    await model.dispose();
  });

  it('tells that a checkpoint is to be converted, and how', async () => {
    await expect(locateModel('org/model')).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
      hint: expect.stringContaining(`pocketlens convert "${snapshot}"`),
    });
  });

  it('is unknown when it is not there, and never leads out of the cache', async () => {
    for (const name of ['org/other', '../model', 'org/..', './model', 'org/model/more', 'org--model/x']) {
      await expect(locateModel(name)).rejects.toMatchObject({
        code: 'MODEL_UNKNOWN',
        message: expect.stringContaining('there is no such folder'),
        hint: expect.stringContaining('pocketlens pull'),
      });
    }
  });
});
