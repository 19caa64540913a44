import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import type { ChatOptions, Message, Warning } from '@pocketlens/runtime';

import type { GenerationSettings, Headline } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { ImageSource, Sample } from '../data/sample.js';
import { AbortError, DatasetError, RunError } from '../errors.js';
import type { PromptPart, PromptStyle } from '../prompts/parts.js';
import { forEachConcurrently } from './concurrency.js';
import { lockOutput, type OutputLock } from './output-lock.js';
import { openPredictions, type PredictionSet } from './prediction-set.js';
import { PredictionsWriter, type SampleFailure } from './predictions-file.js';
import { retry, type RetryOptions } from './retry.js';
import { RunTally } from './run-tally.js';
import { selectSamples, type SelectedSamples, type Selection } from './select-samples.js';

/** Anything that answers: a model of `@pocketlens/runtime`, or a provider in front of another one. */
export interface AnsweringModel {
  generate(
    messages: readonly Message[],
    options: ChatOptions,
  ): Promise<{ readonly text: string; readonly warnings?: readonly Warning[] }>;
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
  /** Samples a minute, in this run. */
  readonly samplesPerMinute: number;
  /** Estimate from the samples of this run. */
  readonly remainingMs: number;
  /**
   * The figure of the answers so far, earlier runs included, by the rules alone; renewed about once a second. Absent before
   * the first, and where only a judge can score.
   */
  readonly score?: Headline;
}

export interface RunOptions extends Selection {
  readonly benchmark: LoadedBenchmark;
  readonly model: AnsweringModel;
  /** JSONL file that answers are appended to; answers that are there already are not asked for again. */
  readonly output: string;
  /** The lock of the output, where the caller holds it already; else it is taken for the time of the run. */
  readonly lock?: OutputLock;
  /** Whose prompts are sent; default `minicpm`. */
  readonly promptStyle?: PromptStyle;
  /** Replaces the benchmark's own settings, for example `{ beams: 1 }` for greedy decoding. */
  readonly generation?: Partial<GenerationSettings>;
  /** Samples asked at once; default 1. More help a server that batches; their answers are written as they come. */
  readonly concurrency?: number;
  /** Longest time for a sample, repetitions included; default none. */
  readonly sampleTimeoutMs?: number;
  /** How a sample is tried again that failed for a passing reason. */
  readonly retries?: Omit<RetryOptions, 'signal'>;
  /** Failures in a row after which the run stops, because a server is gone rather than a sample bad; default 25. */
  readonly mostFailuresInARow?: number;
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
  /** What the model had to say besides its answers, each once; for example options that it does not know. */
  readonly warnings: readonly Warning[];
}

const FAILURES_IN_A_ROW = 25;

/**
 * Asks a model every question of a benchmark. Each answer is on the disk before its place is taken by the next question, so
 * a run that was stopped in any way goes on where it was. A sample that fails is recorded as failed and the run continues.
 *
 * @throws {AbortError} `ABORTED` when the signal fires; the samples at work are asked again next time
 * @throws {PredictionsError} `PREDICTIONS_MISMATCH` when the output belongs to another benchmark
 * @throws {RunError} `RUN_LOCKED` while another run writes the output, `RUN_STOPPED` after too many failures in a row
 */
export async function runBenchmark(options: RunOptions): Promise<RunSummary> {
  if (options.lock !== undefined) return runLocked(options);
  const lock = await lockOutput(options.output, options.signal);
  try {
    return await runLocked(options);
  } finally {
    await lock.release();
  }
}

async function runLocked(options: RunOptions): Promise<RunSummary> {
  const { benchmark } = options.benchmark;
  const selected = await selectSamples(options.benchmark, options);
  const earlier = existsSync(options.output)
    ? await openPredictions(options.output, { benchmark: benchmark.name, isStoredAsSpreadsheet: false })
    : undefined;
  const writer = await PredictionsWriter.open(options.output);
  const tally = new RunTally(benchmark, selected.count);
  const warnings = new Map<string, Warning>();
  let failuresInARow = 0;
  try {
    await forEachConcurrently(unanswered(selected, earlier, tally), options.concurrency ?? 1, async (sample) => {
      const outcome = await ask(sample, options);
      for (const warning of outcome.warnings ?? []) warnings.set(warning.message, warning);
      const record = 'error' in outcome ? { error: outcome.error } : { prediction: outcome.prediction };
      await writer.append({ index: sample.index, benchmark: benchmark.name, ...record });
      tally.add(sample, record);
      options.onProgress?.(tally.progress(sample.index));
      failuresInARow = 'error' in outcome ? failuresInARow + 1 : 0;
      if (failuresInARow >= (options.mostFailuresInARow ?? FAILURES_IN_A_ROW)) throw stopped(outcome, failuresInARow);
    });
  } finally {
    await writer.close();
  }
  const { answered, resumed, failed } = tally;
  return {
    output: options.output,
    total: selected.count,
    answered,
    resumed,
    failed,
    warnings: [...warnings.values()],
  };
}

async function* unanswered(
  selected: SelectedSamples,
  earlier: PredictionSet | undefined,
  tally: RunTally,
): AsyncGenerator<Sample, void, undefined> {
  const reader = earlier?.reader();
  try {
    for await (const sample of selected.samples()) {
      const prediction = await reader?.find(sample.index);
      if (typeof prediction === 'string') tally.addEarlier(sample, prediction);
      else yield sample;
    }
  } finally {
    await reader?.close();
  }
}

function stopped(outcome: Outcome, count: number): RunError {
  const reason = 'error' in outcome ? outcome.error.message : '';
  return new RunError('RUN_STOPPED', `Stopped after ${count} failures in a row, the last: ${reason}`, {
    hint: 'Start the run again when the cause is gone: it goes on where it was.',
  });
}

type Outcome = ({ readonly prediction: string } | { readonly error: SampleFailure }) & {
  readonly warnings?: readonly Warning[];
};

async function ask(sample: Sample, options: RunOptions): Promise<Outcome> {
  const { benchmark } = options.benchmark;
  const { signal } = options;
  throwIfAborted(signal);
  try {
    const parts = benchmark.prompt(sample, sample.imageCount, options.promptStyle ?? 'minicpm');
    const images = await Promise.all((await sample.images()).map(readImage));
    const message: Message = { role: 'user', content: parts.map((part) => contentPart(part, images)) };
    const settings = { ...benchmark.generation(sample), ...options.generation, imageMode: 'exact' as const };
    const answer = await withDeadline(options, (deadline) =>
      retry(() => options.model.generate([message], { ...settings, signal: deadline }), {
        ...options.retries,
        signal: deadline,
      }),
    );
    return { prediction: answer.text, ...(answer.warnings && { warnings: answer.warnings }) };
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

/** Gives work a signal that fires with the caller's or at the end of the time, and does not wait for it any longer. */
async function withDeadline<T>(
  { signal, sampleTimeoutMs }: RunOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const { promise: ended, reject } = rejection();
  const end = (error: Error): void => {
    reject(error);
    deadline.abort(error);
  };
  const timer =
    sampleTimeoutMs === undefined ? undefined : setTimeout(() => end(outOfTime(sampleTimeoutMs)), sampleTimeoutMs);
  const onAbort = (): void => end(new AbortError(signal!));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work(deadline.signal), ended]);
  } catch (error) {
    // The model may have noticed the end first, and says only that it was stopped.
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function rejection(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<never>((_, fail) => (reject = fail));
  return { promise, reject };
}

function outOfTime(limitMs: number): RunError {
  return new RunError('SAMPLE_TIMEOUT', `Expected an answer within ${limitMs / 1000} s, got none.`);
}
