import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

import { readLineBatches } from '../data/lines.js';
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
  for await (const batch of readPredictionBatches(file)) {
    for (const { record } of batch) yield record;
  }
}

/** A record and the number of its line, from 1. */
export interface NumberedRecord {
  readonly line: number;
  readonly record: PredictionRecord;
}

/** The same, as many records at once as were read together: waiting for each one costs more than reading it. */
export async function* readPredictionBatches(file: string): AsyncGenerator<NumberedRecord[], void, undefined> {
  try {
    for await (const { first, lines, isEnded } of readLineBatches(file)) {
      const batch: NumberedRecord[] = [];
      for (const [at, text] of lines.entries()) {
        const isCutOff = !isEnded && at === lines.length - 1 && !isJson(text);
        if (!isCutOff && !BLANK.test(text)) batch.push({ line: first + at, record: parse(file, first + at, text) });
      }
      yield batch;
    }
  } catch (cause) {
    if (cause instanceof PredictionsError) throw cause;
    throw new PredictionsError('PREDICTIONS_FORMAT', `Cannot read the predictions file ${file}.`, { cause });
  }
}

const BLANK = /^\s*$/;

/** Appends predictions so that each one is on the disk before the next sample begins. */
export class PredictionsWriter {
  readonly #handle: FileHandle;
  #waiting: string[] = [];
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

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

  /** Resolves when the record is on the disk. Records that arrive while others are written share one sync. */
  append(record: PredictionRecord): Promise<void> {
    this.#waiting.push(`${JSON.stringify(record)}\n`);
    this.#next ??= this.#last.then(() => this.#writeWaiting());
    return this.#next;
  }

  #writeWaiting(): Promise<void> {
    const lines = this.#waiting.splice(0).join('');
    this.#next = undefined;
    const written = this.#handle.appendFile(lines).then(() => this.#handle.sync());
    // A failure is told to those who wait for it, and does not hold up what comes later.
    this.#last = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function parse(file: string, line: number, text: string): PredictionRecord {
  const { index, benchmark, prediction, error } = parseObject(file, line, text);
  if (typeof index !== 'string' && typeof index !== 'number') throw wrong(file, line, 'an "index"');
  if (typeof prediction === 'string') {
    return typeof benchmark === 'string'
      ? { index: String(index), benchmark, prediction }
      : { index: String(index), prediction };
  }
  const failure = failureOf(error);
  if (failure === undefined) throw wrong(file, line, 'a text "prediction" or an "error"');
  return { index: String(index), ...(typeof benchmark === 'string' && { benchmark }), error: failure };
}

function parseObject(file: string, line: number, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
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

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
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
