import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Json } from '../benchmarks/benchmark.js';
import { findBenchmark, loadBenchmark } from '../benchmarks/registry.js';
import { matches } from '../check/matches.js';
import { promptParts } from '../check/replay.js';
import { listItems } from '../python/literal.js';
import { scoreBenchmark } from '../run/score-benchmark.js';
import type { Dataset, Sample } from './sample.js';
import { openTsvDataset } from './tsv-dataset.js';
import { readTsvRecords } from './tsv-records.js';

const GOLDEN = join(import.meta.dirname, '../../../../tools/golden/evaluation/tsv');
const SCORED = ['OCRBench', 'RealWorldQA', 'MMBench_DEV_EN', 'TextVQA_VAL', 'MME'];
const LOADED = [...SCORED, 'loader_edge_cases', 'loader_string_index', 'loader_image_path_lists'];

interface Expected {
  readonly columns: readonly string[];
  readonly rows: readonly Record<string, unknown>[];
  readonly minicpm_messages: Record<string, never>;
  readonly per_sample: Record<string, never>;
  readonly aggregate: never;
}

async function golden<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(GOLDEN, name), 'utf8')) as T;
}

async function all(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

// Python prints a float with a point: the expected JSON has lost it.
function cell(value: unknown, actual: string | null): unknown {
  if (Array.isArray(value)) return actual === null ? null : listItems(actual);
  return typeof value === 'number' && actual !== null ? Number(actual) : actual;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocketlens-tsv-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(content: string | Buffer): Promise<string> {
  const path = join(folder, 'data.tsv');
  await writeFile(path, content);
  return path;
}

describe('datasets in the format of VLMEvalKit', () => {
  it.each(LOADED)('%s loads as there', async (name) => {
    const expected = await golden<Expected>(`${name}.expected.json`);
    const dataset = await openTsvDataset(join(GOLDEN, `${name}.tsv`));
    const samples = await all(dataset);
    expect(dataset.columns).toEqual(expected.columns);
    expect(dataset.count).toBe(expected.rows.length);
    expect(samples).toHaveLength(expected.rows.length);
    for (const [at, { image_count: imageCount, ...row }] of expected.rows.entries()) {
      const { cells } = samples[at]!;
      const actual = Object.fromEntries(
        Object.entries(row).map(([column, value]) => [column, cell(value, cells[column]!)]),
      );
      expect(actual).toEqual(row);
      // Pictures that are only named by path are not counted there.
      const isEmbedded = dataset.columns.includes('image');
      expect(isEmbedded ? samples[at]!.imageCount : 0).toBe(imageCount);
    }
  });

  it.each(SCORED)('%s: prompts, sample scores and table', async (name) => {
    const expected = await golden<Expected>(`${name}.expected.json`);
    const benchmark = await loadBenchmark(name, join(GOLDEN, `${name}.tsv`));
    for (const sample of await all(benchmark.dataset)) {
      const prompt = findBenchmark(name).prompt(sample, sample.imageCount, 'minicpm');
      expect(promptParts(prompt)).toEqual(expected.minicpm_messages[sample.index]);
    }
    const predictions = await golden<Record<string, string>>(`${name}.predictions.json`);
    const report = await scoreBenchmark({ benchmark, predictions });
    expect(report.samples).toHaveLength(Object.keys(expected.per_sample).length);
    for (const { index, details } of report.samples) {
      expect(details).toSatisfy((actual: Json) => matches(expected.per_sample[index]!, actual), index);
    }
    expect(report.table).toSatisfy((actual: Json) => matches(expected.aggregate, actual), JSON.stringify(report.table));
  });

  it('reads pictures from the row itself, from another row and from a list', async () => {
    const samples = await all(await openTsvDataset(join(GOLDEN, 'loader_edge_cases.tsv')));
    const pictures = await Promise.all(samples.map((sample) => sample.images()));
    const magic = pictures.map((images) =>
      images.map((image) => (image.type === 'bytes' ? image.bytes[0] : undefined)),
    );
    expect(magic).toEqual([[0x89], [0x89], [0x89, 0xff], [0xff]]);
    expect(pictures[1]).toEqual(pictures[0]);
  });

  it('resolves picture paths against the folder of the file', async () => {
    const [sample] = await all(await openTsvDataset(join(GOLDEN, 'loader_image_path_lists.tsv')));
    expect(await sample!.images()).toEqual(
      ['a.jpg', 'b.jpg'].map((name) => ({ type: 'path', path: join(GOLDEN, name) })),
    );
  });

  it('takes a picture from a later row as well', async () => {
    const image = Buffer.alloc(90, 7).toString('base64');
    const path = await file(`index\tquestion\timage\n1\tq\t3\n2\tq\t3\n3\tq\t${image}\n`);
    const images = await Promise.all((await all(await openTsvDataset(path))).map((sample) => sample.images()));
    expect(images).toEqual(Array.from({ length: 3 }, () => [{ type: 'bytes', bytes: Buffer.alloc(90, 7) }]));
  });

  it.each([
    ['', 'DATASET_FORMAT'],
    ['a\tb\n1\t2\n', 'DATASET_FORMAT'],
    ['index\tquestion\n1\tq\tx\n', 'DATASET_FORMAT'],
    ['index\tquestion\n1\t"q\n', 'DATASET_FORMAT'],
    ['index\tquestion\timage\n1\tq\t2\n', 'DATASET_IMAGE'],
  ])('refuses %j', async (content, code) => {
    await expect(openTsvDataset(await file(content))).rejects.toMatchObject({ code });
  });

  it('refuses a file that is not there', async () => {
    await expect(openTsvDataset(join(folder, 'absent.tsv'))).rejects.toMatchObject({ code: 'DATASET_FORMAT' });
  });
});

describe('records', () => {
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;

  it('reads back what was quoted, with any line ends', async () => {
    const rows = fc.array(
      fc.array(fc.string({ unit: fc.constantFrom('a', '"', '\t', '\n', '\r', ' ', 'é', '😀') }), {
        minLength: 2,
        maxLength: 4,
      }),
      {
        minLength: 1,
      },
    );
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom('\n', '\r\n', '\r'), fc.boolean(), async (table, end, hasLastEnd) => {
        const text = table.map((row) => row.map(quote).join('\t')).join(end) + (hasLastEnd ? end : '');
        const path = await file(text);
        const records = [];
        for await (const record of readTsvRecords(path)) records.push(record);
        expect(records.map(({ cells }) => cells.map(String))).toEqual(table);
        for (const { offset, cells } of records) {
          for await (const again of readTsvRecords(path, offset)) {
            expect(again.cells.map(String)).toEqual(cells.map(String));
            break;
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('skips blank lines and a byte order mark, keeps a quote inside a cell', async () => {
    const path = await file('\uFEFFindex\tx\n\n  \n1\ta"b"\n""\n');
    const records = [];
    for await (const { cells } of readTsvRecords(path)) records.push(cells.map(String));
    expect(records).toEqual([['index', 'x'], ['1', 'a"b"'], ['']]);
  });

  it('joins cells across read blocks', async () => {
    const long = 'x'.repeat(3_000_000);
    const path = await file(`a\t${long}\n"${long}""${long}"\tb\n`);
    const records = [];
    for await (const { cells } of readTsvRecords(path)) records.push(cells.map((one) => one.length));
    expect(records).toEqual([
      [1, 3_000_000],
      [6_000_001, 1],
    ]);
  });
});
