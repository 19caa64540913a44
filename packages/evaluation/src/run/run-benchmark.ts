import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import type { ChatOptions, Message } from '@pocketlens/runtime';

import type { GenerationSettings } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { ImageSource, Sample } from '../data/sample.js';
import { AbortError, DatasetError, PredictionsError } from '../errors.js';
import type { PromptPart, PromptStyle } from '../prompts/parts.js';
import { type PredictionRecord, PredictionsWriter, readPredictions, type SampleFailure } from './predictions-file.js';

/** Anything that answers: a model of `@pocketlens/runtime`, or a provider in front of another one. */
export interface AnsweringModel {
  generate(messages: readonly Message[], options: ChatOptions): Promise<{ readonly text: string }>;
}

/** How far a run is. */
export interface RunProgress {
  /** Index of the sample that was just dealt with. */
  readonly index: string;
  /** Samples with an answer, earlier runs included. */
  readonly answered: number;
  /** Samples that failed in this run. */
  readonly failed: number;
  /** Samples of the whole run. */
  readonly total: number;
  /** Since this run began. */
  readonly elapsedMs: number;
  /** Estimate from the samples of this run. */
  readonly remainingMs: number;
}

export interface RunOptions {
  readonly benchmark: LoadedBenchmark;
  readonly model: AnsweringModel;
  /** JSONL file that answers are appended to; answers that are there already are not asked for again. */
  readonly output: string;
  /** Most samples, from the start of the dataset; default all. */
  readonly limit?: number;
  /** Whose prompts are sent; default `minicpm`. */
  readonly promptStyle?: PromptStyle;
  /** Replaces the benchmark's own settings, for example `{ beams: 1 }` for greedy decoding. */
  readonly generation?: Partial<GenerationSettings>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
}

/** What a run did. */
export interface RunSummary {
  readonly output: string;
  readonly total: number;
  /** Samples with an answer in the output. */
  readonly answered: number;
  /** Of these, how many were there before. */
  readonly resumed: number;
  /** Samples whose failure is recorded in the output; the next run tries them again. */
  readonly failed: number;
}

/**
 * Asks a model every question of a benchmark. Each answer is on the disk before the next question, so a run that was
 * stopped in any way goes on where it was. A sample that fails is recorded as failed and the run continues.
 *
 * @throws {AbortError} `ABORTED` when the signal fires; the sample at work is asked again next time
 * @throws {PredictionsError} `PREDICTIONS_MISMATCH` when the output belongs to another benchmark
 */
export async function runBenchmark(options: RunOptions): Promise<RunSummary> {
  const { benchmark, dataset } = options.benchmark;
  const done = await answeredIndices(options.output, benchmark.name);
  const total = Math.min(dataset.count, options.limit ?? Number.POSITIVE_INFINITY);
  const writer = await PredictionsWriter.open(options.output);
  const startedAt = performance.now();
  const counts = { seen: 0, asked: 0, resumed: 0, failed: 0 };
  try {
    for await (const sample of dataset.samples()) {
      if (counts.seen >= total) break;
      counts.seen += 1;
      if (done.has(sample.index)) {
        counts.resumed += 1;
        continue;
      }
      const outcome = await ask(sample, options);
      await writer.append({ index: sample.index, benchmark: benchmark.name, ...outcome });
      counts.asked += 1;
      if ('error' in outcome) counts.failed += 1;
      const elapsedMs = performance.now() - startedAt;
      options.onProgress?.({
        index: sample.index,
        answered: counts.seen - counts.failed,
        failed: counts.failed,
        total,
        elapsedMs,
        remainingMs: (elapsedMs / counts.asked) * (total - counts.seen),
      });
    }
  } finally {
    await writer.close();
  }
  const { seen, resumed, failed } = counts;
  return { output: options.output, total: seen, answered: seen - failed, resumed, failed };
}

type Outcome = { readonly prediction: string } | { readonly error: SampleFailure };

async function ask(sample: Sample, options: RunOptions): Promise<Outcome> {
  const { benchmark } = options.benchmark;
  const { signal } = options;
  throwIfAborted(signal);
  try {
    const parts = benchmark.prompt(sample, sample.imageCount, options.promptStyle ?? 'minicpm');
    const images = await Promise.all((await sample.images()).map(readImage));
    const message: Message = { role: 'user', content: parts.map((part) => contentPart(part, images)) };
    const answer = await options.model.generate([message], {
      ...benchmark.generation(sample),
      ...options.generation,
      imageMode: 'exact',
      ...(signal && { signal }),
    });
    return { prediction: answer.text };
  } catch (error) {
    throwIfAborted(signal);
    return { error: describe(error) };
  }
}

function contentPart(part: PromptPart, images: readonly Uint8Array[]): Exclude<Message['content'], string>[number] {
  if (part.type === 'text') return part;
  const image = images[part.image];
  if (!image)
    throw new DatasetError(
      'DATASET_IMAGE',
      `Expected image ${part.image + 1} of ${images.length}, which is not there.`,
    );
  return { type: 'image', image };
}

async function readImage(source: ImageSource): Promise<Uint8Array> {
  if (source.type === 'bytes') return source.bytes;
  return readFile(source.path).catch((cause: unknown) => {
    throw new DatasetError('DATASET_IMAGE', `Cannot read the image ${source.path}.`, { cause });
  });
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortError(signal);
}

function describe(error: unknown): SampleFailure {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) };
  const code: unknown = Reflect.get(error, 'code');
  return { code: typeof code === 'string' ? code : error.name, message: error.message };
}

async function answeredIndices(output: string, benchmark: string): Promise<Set<string>> {
  const indices = new Set<string>();
  if (!existsSync(output)) return indices;
  for await (const record of readPredictions(output)) {
    checkBelongs(record, benchmark, output);
    if ('prediction' in record) indices.add(record.index);
  }
  return indices;
}

/** Refuses a line that another benchmark's run wrote. */
export function checkBelongs(record: PredictionRecord, benchmark: string, file: string): void {
  if (record.benchmark === undefined || record.benchmark === benchmark) return;
  throw new PredictionsError(
    'PREDICTIONS_MISMATCH',
    `Expected predictions for ${benchmark} in ${file}, got some for ${record.benchmark}.`,
    { hint: 'Give each benchmark its own predictions file.' },
  );
}
