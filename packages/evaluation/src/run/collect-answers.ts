import { existsSync } from 'node:fs';
import type { Warning } from '@pocketlens/runtime';

import type { Headline } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { DatasetRow } from '../data/sample.js';
import { RunError } from '../errors.js';
import type { Outcome } from './answer-request.js';
import { lockOutput, type OutputLock } from './output-lock.js';
import { openPredictions, type PredictionSet } from './prediction-set.js';
import { PredictionsWriter } from './predictions-file.js';
import { type Question, questionOf, type QuestionSettings } from './question.js';
import { RunTally } from './run-tally.js';
import { selectSamples, type SelectedSamples, type Selection } from './select-samples.js';

/** Takes an outcome; resolves when it is on the disk. An outcome that nobody waits for any more is dropped. */
export type StoreOutcome = (index: string, outcome: Outcome) => Promise<void>;

/** Gets questions answered, here or elsewhere. */
export interface Answerer {
  /**
   * Takes questions as fast as it can have them answered, and hands each outcome to `store`.
   *
   * @returns when every question has an outcome that is stored
   */
  answer(questions: AsyncIterable<Question>, store: StoreOutcome): Promise<void>;
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

export interface CollectOptions extends Selection, QuestionSettings {
  readonly benchmark: LoadedBenchmark;
  readonly answerer: Answerer;
  /** JSONL file that answers are appended to; answers that are there already are not asked for again. */
  readonly output: string;
  /** The lock of the output, where the caller holds it already; else it is taken for the time of the run. */
  readonly lock?: OutputLock;
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

/** Failures in a row after which a run, or one that answers for it, stops. */
export const MOST_FAILURES_IN_A_ROW = 25;

/**
 * Runs a benchmark whose questions an `Answerer` gets answered: what has no answer in the output is asked, each outcome is
 * stored once. `runBenchmark` is this with one model.
 *
 * @throws what the answerer throws, and {RunError} `RUN_LOCKED`, `RUN_STOPPED`, {PredictionsError} `PREDICTIONS_MISMATCH`
 */
export async function collectAnswers(options: CollectOptions): Promise<RunSummary> {
  if (options.lock !== undefined) return collectLocked(options);
  const lock = await lockOutput(options.output, options.signal);
  try {
    return await collectLocked(options);
  } finally {
    await lock.release();
  }
}

async function collectLocked(options: CollectOptions): Promise<RunSummary> {
  const { benchmark } = options.benchmark;
  const selected = await selectSamples(options.benchmark, options);
  const earlier = existsSync(options.output)
    ? await openPredictions(options.output, { benchmark: benchmark.name, isStoredAsSpreadsheet: false })
    : undefined;
  const writer = await PredictionsWriter.open(options.output);
  const tally = new RunTally(benchmark, selected.count);
  const warnings = new Map<string, Warning>();
  const mostFailures = options.mostFailuresInARow ?? MOST_FAILURES_IN_A_ROW;
  // Cells of the samples that were handed out: pictures are large.
  const open = new Map<string, DatasetRow>();
  let failuresInARow = 0;
  const store: StoreOutcome = async (index, outcome) => {
    const row = open.get(index);
    if (row === undefined) return;
    open.delete(index);
    for (const warning of outcome.warnings ?? []) warnings.set(warning.message, warning);
    const record = 'error' in outcome ? { error: outcome.error } : { prediction: outcome.prediction };
    await writer.append({ index, benchmark: benchmark.name, ...record });
    tally.add(row, record);
    options.onProgress?.(tally.progress(index));
    failuresInARow = 'error' in outcome ? failuresInARow + 1 : 0;
    if (failuresInARow >= mostFailures) throw stopped(outcome, failuresInARow);
  };
  try {
    await options.answerer.answer(questions(options, { selected, earlier, tally, open }), store);
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

interface Work {
  readonly selected: SelectedSamples;
  readonly earlier: PredictionSet | undefined;
  readonly tally: RunTally;
  readonly open: Map<string, DatasetRow>;
}

async function* questions(
  { benchmark: { benchmark }, ...settings }: CollectOptions,
  { selected, earlier, tally, open }: Work,
): AsyncGenerator<Question, void, undefined> {
  const reader = earlier?.reader();
  try {
    for await (const sample of selected.samples()) {
      const prediction = await reader?.find(sample.index);
      if (typeof prediction === 'string') {
        tally.addEarlier(sample, prediction);
        continue;
      }
      open.set(sample.index, { index: sample.index, cells: sample.cells });
      yield questionOf(benchmark, sample, settings);
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
