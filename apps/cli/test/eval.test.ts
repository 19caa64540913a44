import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBenchmark } from '@pocketlens/evaluation';
import { ChatServer } from '../../../packages/provider-openai/test/chat-server.js';
import { type Folder, golden, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

interface Manifest {
  readonly data: object;
  readonly model: { readonly sha256: string };
}

// One of the pictures is a long strip, which the model says.
const withoutWarnings = (stderr: string): string => stderr.replaceAll(/^warning: .*\n/gm, '');

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
    '2',
    '--threads',
    '1',
  ]);
  expect({ code, stderr: withoutWarnings(stderr) }).toEqual({ code: 0, stderr: '' });
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
    expect({ code, stderr: withoutWarnings(stderr) }).toEqual({ code: 0, stderr: '' });
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

describe('the manifest of a model behind a server', () => {
  it('holds what the server says of it, and notices another one', async () => {
    await using server = await ChatServer.start(() => ({ text: 'x' }));
    server.facts = { root: 'org/eye-8b', max_model_len: 4096 };
    const out = path.join(folder.path, 'served');
    const eye = ['--provider', 'openai', '--base-url', server.baseUrl, '--model', 'eye'];
    const args = ['eval', 'run', 'pocketread', '--out', out, ...eye, '--json', '--limit'];
    expect(jsonLines((await pocketlens([...args, '1'])).stdout)).toMatchObject([{ answered: 1 }]);
    expect(await readManifest(out)).toMatchObject({
      model: {
        name: 'eye',
        sha256: null,
        served: {
          host: server.host,
          id: 'eye',
          facts: { owned_by: 'x', root: 'org/eye-8b', max_model_len: 4096 },
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        },
      },
    });
    expect(jsonLines((await pocketlens([...args, '2'])).stdout)).toMatchObject([{ answered: 2, resumed: 1 }]);
    server.facts = { root: 'org/eye-1b', max_model_len: 4096 };
    expect(jsonLines((await pocketlens([...args, '3'])).stdout)).toMatchObject([
      { error: { code: 'MANIFEST_MISMATCH', message: expect.stringContaining('org/eye-1b') as unknown } },
    ]);
  });
});

describe('eval report', () => {
  it('writes a page, tables and everything, of the samples that there are', async () => {
    const file = (name: string): string => path.join(folder.path, 'report', name);
    const pages = [
      '--html',
      file('a.html'),
      '--csv',
      file('a.csv'),
      '--markdown',
      file('a.md'),
      '--json',
      file('a.json'),
    ];
    const args = ['eval', 'report', runs, ...pages, '--resamples', '99', '--title', 'My model'];
    const { code, stdout, stderr } = await pocketlens(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^PocketRead {2}CER {2}[\d.]+ \[[\d.]+, [\d.]+\] {2}2 of 2 scored/);
    const page = await readFile(file('a.html'), 'utf8');
    expect(page).toContain('<h1>My model</h1>');
    expect(page.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(2);
    expect(await readFile(file('a.csv'), 'utf8')).toContain('line-01-q1');
    expect(await readFile(file('a.md'), 'utf8')).toContain('# My model');
    const { benchmarks } = JSON.parse(await readFile(file('a.json'), 'utf8')) as { benchmarks: unknown[] };
    expect(benchmarks).toMatchObject([{ score: { benchmark: 'PocketRead', total: 2 }, confidence: { resamples: 99 } }]);
  });

  it('says what is wrong with a folder', async () => {
    const { code, stderr } = await pocketlens(['eval', 'report', path.join(folder.path, 'absent')]);
    expect(code).toBe(1);
    expect(stderr).toContain('which is not there');
  });
});

describe('eval compare', () => {
  it('compares a run with a better one, and names what is missing', async () => {
    const better = path.join(folder.path, 'better.jsonl');
    const answer = { index: 'line-01-q1', prediction: 'Islet look reduce acidified can 679.19 Ptah' };
    await writeFile(better, `${JSON.stringify(answer)}\n`);
    const args = ['eval', 'compare', runs, better, '--benchmark', 'PocketRead', '--resamples', '49'];
    const { code, stdout } = await pocketlens([...args, '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([
      { benchmark: 'PocketRead', paired: 1, onlyInA: ['line-02-q1'], onlyInB: [], inNeither: 219, headline: { b: 0 } },
    ]);
    expect((await pocketlens(args)).stdout).toContain('only A has a score for 1 samples');
  });

  it('compares the samples that a limit and a seed choose, as a run does', async () => {
    const chosen = async (...args: string[]): Promise<unknown[]> => {
      const { stdout } = await pocketlens(['eval', 'compare', runs, runs, '--resamples', '19', '--json', ...args]);
      return jsonLines(stdout);
    };
    expect(await chosen('--limit', '1')).toMatchObject([{ paired: 1, inNeither: 0 }]);
    expect(await chosen('--limit', '200', '--sample', '3')).toMatchObject([
      { paired: expect.any(Number) as unknown, matching: { a: { by: 'exact-matching' } } },
    ]);
    const { stdout } = await pocketlens(['eval', 'compare', runs, runs, '--limit', '1', '--sample', '3', '--json']);
    // Drawn at random, it is one that was not among the two that have an answer.
    expect(jsonLines(stdout)).toMatchObject([{ error: { code: 'RUNS_MISMATCH' } }]);
  });

  it('lets a judge read what no rule can, and keeps its replies beside each run', async () => {
    await using server = await ChatServer.start(() => ({ text: 'A' }));
    const data = path.join(golden, 'evaluation', 'tsv', 'RealWorldQA.tsv');
    const { dataset } = await loadBenchmark('RealWorldQA', data);
    const files = await Promise.all(
      ['hard to say', 'no idea'].map(async (prediction, at) => {
        const file = path.join(folder.path, `side-${at}`, 'RealWorldQA.jsonl');
        const lines: string[] = [];
        for await (const { index } of dataset.samples()) lines.push(JSON.stringify({ index, prediction }));
        await mkdir(path.dirname(file));
        await writeFile(file, `${lines.join('\n')}\n`);
        return file;
      }),
    );
    const judge = ['--judge', 'eye', '--judge-url', server.baseUrl, '--resamples', '19', '--data', data];
    const args = ['eval', 'compare', ...files, ...judge];
    const { code, stdout, stderr } = await pocketlens([...args, '--json']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `note: questions and answers, without pictures, are sent to ${server.host}\n`,
    });
    // Its rows ask the same few questions again and again.
    const asked = server.received.length / 2;
    expect(asked).toBeGreaterThan(1);
    const matching = { by: 'judge', judge: 'eye', judged: dataset.count, asked, cached: dataset.count - asked };
    expect(jsonLines(stdout)).toMatchObject([
      { benchmark: 'RealWorldQA', better: 'neither', matching: { a: matching, b: matching } },
    ]);
    const again = `judged by eye: ${dataset.count} samples of A, ${dataset.count} of B`;
    expect((await pocketlens(args)).stdout).toContain(again);
    expect(server.received).toHaveLength(2 * asked);
    for (const file of files) expect(await readdir(path.join(path.dirname(file), 'judge'))).toHaveLength(asked);
  });

  it('refuses runs of other data', async () => {
    const other = path.join(folder.path, 'other-data');
    const manifest = await readManifest(runs);
    await mkdir(other);
    await writeFile(
      manifestOf(other),
      JSON.stringify({ ...manifest, data: { ...manifest.data, sha256: 'f'.repeat(64) } }),
    );
    await writeFile(path.join(other, 'PocketRead.jsonl'), '');
    const { stdout } = await pocketlens(['eval', 'compare', runs, other, '--json']);
    expect(jsonLines(stdout)).toMatchObject([{ error: { code: 'RUNS_MISMATCH' } }]);
  });
});
