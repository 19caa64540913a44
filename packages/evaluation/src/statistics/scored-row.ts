import type { Benchmark, Json, SampleScore } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { DatasetRow } from '../data/sample.js';
import { scoreBenchmark, type ScoreOptions, type ScoreReport } from '../run/score-benchmark.js';

/** A row of the dataset with its score; without one where the sample failed or was never answered. */
export interface ScoredRow {
  readonly row: DatasetRow;
  readonly score?: SampleScore;
}

/** What resampling works on. */
export interface ScoredRows {
  readonly benchmark: Benchmark;
  readonly report: ScoreReport;
  /** In the order of the dataset. */
  readonly rows: readonly ScoredRow[];
}

/** Scores a benchmark and keeps the rows, so that they can be drawn again. */
export async function scoreRows(options: Omit<ScoreOptions, 'onSample'>): Promise<ScoredRows> {
  const rows: ScoredRow[] = [];
  const report = await scoreBenchmark({
    ...options,
    onSample: ({ index, cells }, score) => rows.push({ row: { index, cells }, ...(score && { score }) }),
  });
  const { benchmark }: LoadedBenchmark = options.benchmark;
  return { benchmark, report, rows };
}

/**
 * How good one sample is, 0..1. Where the score belongs to a group of samples it is that of the group, and stands at the
 * sample that the benchmark reports it for; null at the others.
 */
export function outcomeOf(
  score: SampleScore | undefined,
  revision: Readonly<Record<string, Json>> | undefined,
): number | null {
  if (score === undefined) return null;
  if (score.value !== null) return score.value;
  const hit = revision?.['hit'];
  return typeof hit === 'number' ? hit : null;
}
