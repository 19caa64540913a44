import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

interface Manifest {
  readonly data: object;
  readonly model: { readonly sha256: string };
}

let folder: Folder;
let runs = '';
const manifestOf = (run: string): string => path.join(run, 'PocketRead.manifest.json');
const readManifest = async (run: string): Promise<Manifest> =>
  JSON.parse(await readFile(manifestOf(run), 'utf8')) as Manifest;

beforeAll(async () => {
  folder = await temporaryFolder();
  runs = path.join(folder.path, 'first');
  const { code, stderr } = await pocketlens([
    'eval',
    'run',
    'pocketread',
    '--out',
    runs,
    '--limit',
    '3',
    '--threads',
    '1',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
afterAll(() => folder.remove());

describe('eval run', () => {
  it('needs no file for PocketRead, and writes down what it did', async () => {
    expect(await readManifest(runs)).toMatchObject({
      format: 'pocketlens-run',
      benchmark: 'PocketRead',
      data: { file: null, samples: 221, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
      model: {
        name: 'pocketlens-tiny',
        provider: 'local',
        location: 'tiny',
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        options: { threads: 1 },
      },
      settings: { promptStyle: 'minicpm', generation: {}, limit: 2, seed: null },
      versions: { node: process.versions.node, 'onnxruntime-node': expect.any(String) as unknown },
    });
  });

  it('repeats a run from its manifest, with the same answers', async () => {
    const again = path.join(folder.path, 'again');
    const { code, stdout, stderr } = await pocketlens([
      'eval',
      'run',
      '--repeat',
      manifestOf(runs),
      '--out',
      again,
      '--json',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(jsonLines(stdout)).toMatchObject([{ total: 2, answered: 2, failed: 0 }]);
    const predictions = (run: string): Promise<string> => readFile(path.join(run, 'PocketRead.jsonl'), 'utf8');
    expect(await predictions(again)).toBe(await predictions(runs));
  });

  it('repeats nothing with another model, and mixes no two runs in a folder', async () => {
    const manifest = await readManifest(runs);
    const other = path.join(folder.path, 'other.manifest.json');
    await writeFile(other, JSON.stringify({ ...manifest, model: { ...manifest.model, sha256: '0'.repeat(64) } }));
    const out = path.join(folder.path, 'unused');
    const repeated = await pocketlens(['eval', 'run', '--repeat', other, '--out', out, '--json']);
    expect(jsonLines(repeated.stdout)).toMatchObject([{ error: { code: 'MANIFEST_MISMATCH' } }]);
    const mixed = await pocketlens(['eval', 'run', 'pocketread', '--out', runs, '--limit', '1', '--threads', '2']);
    expect(mixed).toMatchObject({ code: 1, stderr: expect.stringContaining('model.options') as unknown });
  });

  it.each([
    [[], 'USAGE'],
    [['--repeat', 'absent.json'], 'FILE_NOT_FOUND'],
    [['OCRBench'], 'DATASET_FORMAT'],
  ] as const)('%j is refused: %s', async (args, code) => {
    const { stdout } = await pocketlens(['eval', 'run', ...args, '--out', path.join(folder.path, 'none'), '--json']);
    expect(jsonLines(stdout)).toMatchObject([{ error: { code } }]);
  });
});
