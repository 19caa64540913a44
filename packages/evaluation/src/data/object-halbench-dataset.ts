import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { DatasetError } from '../errors.js';
import { parseObjectWords } from '../scoring/object-words.js';
import { cocoObjects } from './coco-objects.js';
import { readLineBatches } from './lines.js';
import type { Dataset, Sample } from './sample.js';

const SYNONYMS = ['synonyms_refine.txt', 'synonyms.txt'];
const LARGEST_SYNONYMS_BYTES = 1_000_000;

/**
 * Opens the data of Object HalBench, which may not be passed on with this package: a folder with
 *
 * - one `.jsonl` file of questions, `{"image_id", "question", "image"}` with the picture as base64, as the authors publish it;
 * - `synonyms_refine.txt`, a class of COCO a line: `person, girl, boy, …`;
 * - `annotations/` of COCO 2014, or `ground_truth.json`, `{"image_id": ["person", "dog"]}`, which takes less space.
 *
 * @throws {DatasetError} `DATASET_FORMAT` naming the file and line that is wrong
 */
export async function openObjectHalBench(path: string): Promise<Dataset> {
  const { folder, file } = await locate(path);
  const name = SYNONYMS.find((one) => existsSync(join(folder, one)));
  if (name === undefined) throw missing(folder, SYNONYMS[0]!);
  const table = await readBounded(join(folder, name), LARGEST_SYNONYMS_BYTES);
  const words = parseObjectWords(table);
  const images = new Set<string>();
  for await (const { index } of questions(file)) {
    if (images.has(index))
      throw new DatasetError('DATASET_FORMAT', `Expected each image once in ${file}, got ${index} twice.`);
    images.add(index);
  }
  const truth = existsSync(join(folder, 'ground_truth.json'))
    ? await readTruth(join(folder, 'ground_truth.json'))
    : await cocoObjects(annotationsIn(folder), images, words);
  for (const index of images) {
    if (!truth.has(index))
      throw new DatasetError('DATASET_FORMAT', `Expected the objects of image ${index} in ${folder}.`);
  }
  return {
    file,
    columns: ['index', 'question', 'objects', 'synonyms'],
    count: images.size,
    dropped: 0,
    async *samples() {
      for await (const { index, question, image } of questions(file)) {
        const objects = JSON.stringify([...truth.get(index)!].sort());
        yield {
          index,
          // The scorer sees the row and nothing else; the table is one text, however many rows name it.
          cells: { index, question, objects, synonyms: table },
          imageCount: 1,
          images: () => Promise.resolve([{ type: 'bytes', bytes: Buffer.from(image, 'base64') }]),
        } satisfies Sample;
      }
    },
  };
}

async function locate(path: string): Promise<{ folder: string; file: string }> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new DatasetError(
      'DATASET_FORMAT',
      `Expected the folder of Object HalBench, got ${path}, which is not there.`,
      { cause },
    );
  });
  if (!info.isDirectory()) return { folder: dirname(path), file: path };
  const files = (await readdir(path)).filter((name) => name.endsWith('.jsonl'));
  if (files.length !== 1) {
    throw new DatasetError(
      'DATASET_FORMAT',
      `Expected one .jsonl file with questions in ${path}, got ${files.length}.`,
      {
        hint: 'It is obj_halbench_300_with_image.jsonl of the RLAIF-V repository.',
      },
    );
  }
  return { folder: path, file: join(path, files[0]!) };
}

function annotationsIn(folder: string): string {
  if (existsSync(join(folder, 'annotations'))) return join(folder, 'annotations');
  throw missing(folder, 'ground_truth.json or annotations/ of COCO 2014');
}

function missing(folder: string, what: string): DatasetError {
  return new DatasetError('DATASET_FORMAT', `Expected ${what} in ${folder}.`, {
    hint: 'What belongs into the folder: the README of @pocketlens/evaluation.',
  });
}

interface Question {
  readonly index: string;
  readonly question: string;
  readonly image: string;
}

async function* questions(file: string): AsyncGenerator<Question, void, undefined> {
  for await (const { first, lines } of readLineBatches(file)) {
    for (const [at, line] of lines.entries()) if (line.trim() !== '') yield parseQuestion(file, first + at, line);
  }
}

function parseQuestion(file: string, line: number, json: string): Question {
  const { image_id: id, question, image } = objectOf(file, `line ${line}`, json);
  const isId = typeof id === 'number' || typeof id === 'string';
  if (isId && typeof question === 'string' && typeof image === 'string') {
    // "000000123" and 123 are one picture.
    const index = String(id).replace(/^0+(?=\d)/, '');
    return { index, question: question.replace(/^<image>\s*/, ''), image };
  }
  throw new DatasetError('DATASET_FORMAT', `Expected "image_id", "question" and "image" in line ${line} of ${file}.`);
}

async function readTruth(file: string): Promise<Map<string, ReadonlySet<string>>> {
  const objects = objectOf(file, 'the file', await readFile(file, 'utf8'));
  return new Map(
    Object.entries(objects).map(([id, names]) => {
      if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return [id, new Set<string>(names)];
      throw new DatasetError('DATASET_FORMAT', `Expected a list of classes for image ${id} in ${file}.`);
    }),
  );
}

function objectOf(file: string, where: string, json: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Told below.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new DatasetError('DATASET_FORMAT', `Expected a JSON object in ${where} of ${file}.`);
}

async function readBounded(file: string, most: number): Promise<string> {
  const { size } = await stat(file);
  if (size > most) throw new DatasetError('DATASET_FORMAT', `Expected at most ${most} bytes in ${file}, got ${size}.`);
  return readFile(file, 'utf8');
}
