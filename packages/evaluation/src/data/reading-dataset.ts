import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';

import { DatasetError } from '../errors.js';
import { readLineBatches } from './lines.js';
import type { Dataset, Sample } from './sample.js';

const TEXT_FIELDS = ['id', 'image', 'category', 'question', 'answer', 'metric'] as const;
const METRICS: readonly unknown[] = ['cer', 'exact', 'number'];

/**
 * Opens a reading set: a folder with `answers.jsonl` and the images it names, or the path of that file. Each line has
 * id, image, category, question, answer and metric (`cer`, `exact` or `number`).
 *
 * @throws {DatasetError} `DATASET_FORMAT` naming the line that is wrong
 */
export async function openReadingDataset(path: string): Promise<Dataset> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new DatasetError('DATASET_FORMAT', `Expected a folder with answers.jsonl, got ${path}, which is not there.`, {
      cause,
    });
  });
  const file = info.isDirectory() ? join(path, 'answers.jsonl') : path;
  const seen = new Set<string>();
  for await (const { index } of readSamples(file)) {
    if (seen.has(index))
      throw new DatasetError('DATASET_FORMAT', `Expected unique ids in ${file}, got "${index}" twice.`);
    seen.add(index);
  }
  const columns = ['index', ...TEXT_FIELDS.filter((field) => field !== 'id')];
  return { file, columns, count: seen.size, dropped: 0, samples: () => readSamples(file) };
}

async function* readSamples(file: string): AsyncGenerator<Sample, void, undefined> {
  try {
    for await (const { first, lines } of readLineBatches(file)) {
      for (const [at, line] of lines.entries()) if (line.trim() !== '') yield parseLine(file, first + at, line);
    }
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    throw new DatasetError('DATASET_FORMAT', `Cannot read ${file}.`, { cause });
  }
}

function parseLine(file: string, line: number, json: string): Sample {
  const fail = (expected: string, cause?: unknown): never => {
    throw new DatasetError('DATASET_FORMAT', `Expected ${expected} in line ${line} of ${file}.`, { cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    fail('a JSON object', error);
  }
  const entry = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  const cells: Record<string, string> = {};
  for (const field of TEXT_FIELDS) {
    const cell: unknown = entry.get(field);
    cells[field] = typeof cell === 'string' ? cell : fail(`a text "${field}"`);
  }
  if (!METRICS.includes(cells['metric'])) fail('a metric of cer, exact or number');
  const image = normalize(cells['image']!);
  if (isAbsolute(image) || image === '..' || image.startsWith(`..${sep}`)) fail('an image inside the folder');
  const index = cells['id']!;
  const path = join(dirname(file), image);
  return { index, cells, imageCount: 1, images: () => Promise.resolve([{ type: 'path', path }]) };
}
