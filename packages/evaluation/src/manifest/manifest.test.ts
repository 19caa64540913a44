import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadBenchmark } from '../benchmarks/registry.js';
import { dataDigest } from './data-digest.js';
import {
  createRunManifest,
  manifestFileOf,
  readRunManifest,
  type RunManifest,
  servedModel,
  writeRunManifest,
} from './run-manifest.js';
import { differencesOfData, differencesOfVersions, requireSameAnswers } from './same-run.js';

const READING = join(import.meta.dirname, '../../../../tools/golden/reading');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocketlens-manifest-'));
});
afterAll(() => rm(folder, { recursive: true }));

const manifest: RunManifest = createRunManifest({
  benchmark: 'Reading',
  data: { file: '/data/reading', samples: 54, sha256: 'aa' },
  model: { name: 'tiny', provider: 'local', location: '/models/tiny', sha256: 'bb', options: { dtype: 'fp16' } },
  settings: { promptStyle: 'minicpm', generation: { beams: 1 }, limit: null, seed: null },
  versions: { node: '20.20.0' },
  startedAt: '2026-11-27T12:00:00.000Z',
});

describe('a digest of data', () => {
  it('is that of the questions and pictures, wherever they lie', async () => {
    const copy = join(folder, 'copy');
    await cp(READING, copy, { recursive: true });
    const digest = await dataDigest((await loadBenchmark('Reading', READING)).dataset);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await dataDigest((await loadBenchmark('Reading', copy)).dataset)).toBe(digest);
    const [picture] = await readdir(join(copy, 'images'));
    await writeFile(join(copy, 'images', picture!), 'another picture');
    expect(await dataDigest((await loadBenchmark('Reading', copy)).dataset)).not.toBe(digest);
  });

  it('stops at the signal', async () => {
    const { dataset } = await loadBenchmark('Reading', READING);
    await expect(dataDigest(dataset, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a manifest', () => {
  it('comes back as it was written, whole', async () => {
    const file = manifestFileOf(join(folder, 'run', 'Reading.jsonl'));
    expect(file).toBe(join(folder, 'run', 'Reading.manifest.json'));
    expect(await readRunManifest(file)).toBeUndefined();
    await writeRunManifest(file, manifest);
    await writeRunManifest(file, manifest);
    expect(await readRunManifest(file)).toEqual(manifest);
    expect(await readdir(join(folder, 'run'))).toEqual(['Reading.manifest.json']);
  });

  it.each([
    ['no JSON', 'hello', 'JSON'],
    ['another format', '{"format": "x"}', 'pocketlens-run'],
    ['a missing field', JSON.stringify({ ...manifest, data: { file: null, samples: 1 } }), 'data.sha256'],
    ['a wrong kind', JSON.stringify({ ...manifest, settings: { ...manifest.settings, seed: 'x' } }), 'settings.seed'],
    [
      'an unknown style',
      JSON.stringify({ ...manifest, settings: { ...manifest.settings, promptStyle: 'x' } }),
      'promptStyle',
    ],
    ['a prototype', '{"format":"pocketlens-run","formatVersion":1,"__proto__":{"benchmark":"x"}}', 'benchmark'],
  ])('with %s is refused, and the field named', async (_, text, named) => {
    const file = join(folder, 'wrong.manifest.json');
    await writeFile(file, text);
    await expect(readRunManifest(file)).rejects.toMatchObject({
      code: 'MANIFEST_FORMAT',
      message: expect.stringContaining(named) as unknown,
    });
  });

  it('notices another model behind the same name, where the server tells', () => {
    const behind = (host: string, facts: Record<string, string | number>): RunManifest => ({
      ...manifest,
      model: { ...manifest.model, sha256: null, served: servedModel({ host, id: 'eye', facts }) },
    });
    const first = behind('a:8000', { root: 'org/eye', max_model_len: 4096 });
    expect(first.model.served?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(behind('b:1', { max_model_len: 4096, root: 'org/eye' }).model.served?.sha256).toBe(
      first.model.served?.sha256,
    );
    expect(() => requireSameAnswers(first, behind('b:1', { root: 'org/eye', max_model_len: 4096 }), '')).not.toThrow();
    expect(() => requireSameAnswers(first, behind('a:8000', {}), '')).not.toThrow();
    expect(() => requireSameAnswers(first, behind('a:8000', { root: 'org/ear' }), '')).toThrow(
      'served.facts.root was org/eye',
    );
  });

  it('tells a repetition from another run', () => {
    const later = { ...manifest, startedAt: 'later', versions: { node: '22.0.0' } };
    expect(() => requireSameAnswers(manifest, later, '')).not.toThrow();
    expect(differencesOfVersions(manifest, later)).toEqual([
      { field: 'versions.node', expected: '20.20.0', actual: '22.0.0' },
    ]);
    const other = { ...manifest, model: { ...manifest.model, sha256: 'cc' }, data: { ...manifest.data, sha256: 'dd' } };
    expect(differencesOfData(manifest, other).map(({ field }) => field)).toEqual(['data.sha256']);
    expect(() => requireSameAnswers(manifest, other, 'Take another folder.')).toThrow(
      expect.objectContaining({
        code: 'MANIFEST_MISMATCH',
        hint: 'Take another folder.',
        message: expect.stringContaining('model.sha256 was bb, is cc') as unknown,
      }),
    );
  });
});
