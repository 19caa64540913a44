import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

import { PredictionsError } from '../errors.js';

/** Why a sample has no prediction. */
export interface SampleFailure {
  readonly code: string;
  readonly message: string;
}

/** One line of a predictions file: an answer, or the reason why there is none. */
export type PredictionRecord = {
  /** The `index` of the sample. */
  readonly index: string;
  /** Name of the benchmark, where the file was written by a run. */
  readonly benchmark?: string;
} & ({ readonly prediction: string } | { readonly error: SampleFailure });

/**
 * Reads a predictions file, one JSON object a line with `index` and `prediction`. A last line without its line end, as a
 * killed process leaves it, is skipped if it cannot be read.
 *
 * @throws {PredictionsError} `PREDICTIONS_FORMAT` naming the line that is wrong
 */
export async function* readPredictions(file: string): AsyncGenerator<PredictionRecord, void, undefined> {
  const input = createReadStream(file, 'utf8');
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  let previous: string | undefined;
  try {
    for await (const line of lines) {
      if (previous !== undefined) yield* parse(file, number, previous);
      previous = line;
      number += 1;
    }
  } catch (cause) {
    if (cause instanceof PredictionsError) throw cause;
    throw new PredictionsError('PREDICTIONS_FORMAT', `Cannot read the predictions file ${file}.`, { cause });
  } finally {
    lines.close();
    input.destroy();
  }
  if (previous !== undefined && (isJson(previous) || (await endsWithLine(file)))) yield* parse(file, number, previous);
}

/** Appends predictions so that each one is on the disk before the next sample begins. */
export class PredictionsWriter {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens a file to go on with: a last line cut off in the middle is removed, one that only lacks its end gets it. */
  static async open(file: string): Promise<PredictionsWriter> {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, 'a+');
    try {
      const { size } = await handle.stat();
      const length = await completeLength(handle, size);
      const { buffer: tail } = await handle.read(Buffer.alloc(size - length), 0, size - length, length);
      if (isJson(tail.toString())) await handle.appendFile('\n');
      else await handle.truncate(length);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new PredictionsWriter(handle);
  }

  async append(record: PredictionRecord): Promise<void> {
    await this.#handle.appendFile(`${JSON.stringify(record)}\n`);
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function* parse(file: string, line: number, text: string): Generator<PredictionRecord, void, undefined> {
  if (text.trim() === '') return;
  const value = parseObject(file, line, text);
  const index = value.get('index');
  if (typeof index !== 'string' && typeof index !== 'number') throw wrong(file, line, 'an "index"');
  const benchmark = value.get('benchmark');
  const head = { index: String(index), ...(typeof benchmark === 'string' && { benchmark }) };
  const prediction = value.get('prediction');
  if (typeof prediction === 'string') yield { ...head, prediction };
  else
    yield {
      ...head,
      error: failureOf(value.get('error')) ?? raise(wrong(file, line, 'a text "prediction" or an "error"')),
    };
}

function parseObject(file: string, line: number, text: string): Map<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return new Map(Object.entries(value));
  } catch {
    // Reported below like any other wrong line.
  }
  throw wrong(file, line, 'a JSON object');
}

function failureOf(value: unknown): SampleFailure | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, message } = Object.fromEntries(Object.entries(value));
  return { code: typeof code === 'string' ? code : 'UNKNOWN', message: typeof message === 'string' ? message : '' };
}

function wrong(file: string, line: number, expected: string): PredictionsError {
  return new PredictionsError('PREDICTIONS_FORMAT', `Expected ${expected} in line ${line} of ${file}.`, {
    hint: 'Each line is {"index": ..., "prediction": "..."}.',
  });
}

function raise(error: Error): never {
  throw error;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function endsWithLine(file: string): Promise<boolean> {
  const { size } = await stat(file);
  const handle = await open(file, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a;
  } finally {
    await handle.close();
  }
}

// Bytes up to and including the last line end.
async function completeLength(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(64 * 1024);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (at !== -1) return start + at + 1;
    end = start;
  }
  return 0;
}
