import type { Judging, SampleScore } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { DatasetRow, Sample } from '../data/sample.js';
import { AbortError } from '../errors.js';
import { forEachConcurrently } from '../run/concurrency.js';
import { FAILED, type PredictionSet } from '../run/prediction-set.js';
import type { Profile } from '../scoring/profile.js';
import type { Judge } from './judge.js';

/** What is judged, and by whom. */
export interface JudgeWork {
  readonly benchmark: LoadedBenchmark;
  readonly judging: Judging;
  readonly predictions: PredictionSet;
  readonly profile: Profile;
  readonly judge: Judge;
  /** Samples in progress at once. */
  readonly concurrency: number;
  /** The samples to score. */
  readonly samples: () => AsyncIterable<Sample>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: JudgeProgress) => void) | undefined;
}

/** How far judging is. */
export interface JudgeProgress {
  readonly judged: number;
  /** Samples that the judge has to look at. */
  readonly total: number;
}

/**
 * Scores, by sample, what needs the judge: everything for a grader; for an extractor what no rule can read, and of
 * questions that only count together not those that are lost already.
 */
export async function judgeSamples(work: JudgeWork): Promise<ReadonlyMap<string, SampleScore>> {
  const { judging, signal } = work;
  const verdicts = new Map<string, SampleScore>();
  const needed = await samplesToJudge(work);
  const lost = new Set<string>();
  // Questions of one group are asked one after the other, because the first that fails decides.
  const last = new Map<string, Promise<void>>();
  let judged = 0;
  const judgeOne = async (sample: Needed): Promise<void> => {
    const group = judging.group?.of(sample.row);
    if (group !== undefined) await last.get(group);
    if (group === undefined || !lost.has(group)) {
      if (signal?.aborted) throw new AbortError(signal);
      const score = await judging.score({ ...sample, profile: work.profile }, (request) =>
        work.judge.ask(request, signal ? { signal } : {}),
      );
      verdicts.set(sample.row.index, score);
      if (group !== undefined && judging.group?.isLost(score) === true) lost.add(group);
    }
    judged += 1;
    work.onProgress?.({ judged, total: needed.size });
  };
  await forEachConcurrently(neededSamples(work, needed), work.concurrency, (sample) => {
    const group = judging.group?.of(sample.row);
    const done = judgeOne(sample);
    if (group !== undefined) last.set(group, done);
    return done;
  });
  return verdicts;
}

interface Needed {
  readonly row: DatasetRow;
  readonly prediction: string;
}

/** Only the names are held: answers are read again when their turn comes. */
async function samplesToJudge(work: JudgeWork): Promise<ReadonlySet<string>> {
  const { judging, profile } = work;
  const { benchmark } = work.benchmark;
  const needed = new Set<string>();
  const groups = new Map<string, string[]>();
  const lost = new Set<string>();
  for await (const { row, prediction } of answeredSamples(work)) {
    const group = judging.group?.of(row);
    if (prediction === undefined) {
      if (group !== undefined) lost.add(group);
      continue;
    }
    const score = judging.role === 'grade' ? undefined : benchmark.score(row, prediction, profile);
    if (score !== undefined && score.isUnmatched !== true) {
      if (group !== undefined && judging.group?.isLost(score) === true) lost.add(group);
      continue;
    }
    needed.add(row.index);
    if (group !== undefined) groups.set(group, [...(groups.get(group) ?? []), row.index]);
  }
  for (const group of lost) for (const index of groups.get(group) ?? []) needed.delete(index);
  return needed;
}

async function* neededSamples(work: JudgeWork, needed: ReadonlySet<string>): AsyncGenerator<Needed, void, undefined> {
  for await (const { row, prediction } of answeredSamples(work)) {
    if (prediction !== undefined && needed.has(row.index)) yield { row, prediction };
  }
}

async function* answeredSamples(
  work: JudgeWork,
): AsyncGenerator<{ readonly row: DatasetRow; readonly prediction?: string }, void, undefined> {
  const reader = work.predictions.reader();
  try {
    for await (const { index, cells } of work.samples()) {
      const prediction = await reader.find(index);
      const row = { index, cells };
      yield prediction === undefined || prediction === FAILED ? { row } : { row, prediction };
    }
  } finally {
    await reader.close();
  }
}
