import { figure } from '../benchmarks/benchmark.js';
import { countClusters, resample, stratify, type Strata } from './clusters.js';
import { type Interval, percentileInterval, wilsonInterval } from './interval.js';
import { createRandom } from './random.js';
import { defaultResamples, repeat, Summarizer } from './resampled-figures.js';
import { outcomeOf, type ScoredRow, type ScoredRows } from './scored-row.js';

export interface ConfidenceOptions {
  /** Share of the intervals that should hold the true figure; default 0.95. */
  readonly level?: number;
  /** Default 999, above 20,000 samples 199. */
  readonly resamples?: number;
  /** Default 0; the same seed gives the same intervals. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** A figure with its confidence interval. */
export interface FigureInterval {
  /** Label of the table's row and its column, as `Overall / cer`. */
  readonly name: string;
  readonly value: number | 'NaN';
  readonly low: number | 'NaN';
  readonly high: number | 'NaN';
}

/** Confidence intervals of all figures of a benchmark. */
export interface ConfidenceReport {
  readonly level: number;
  readonly resamples: number;
  readonly seed: number;
  /** Groups of samples that were drawn: samples that share a picture, or count only together, are one. */
  readonly clusters: number;
  /** How the headline's interval was made: `wilson` for a plain share of right answers. */
  readonly method: 'bootstrap' | 'wilson';
  readonly headline: FigureInterval;
  readonly figures: readonly FigureInterval[];
}

/**
 * Confidence intervals by the cluster bootstrap: clusters of samples are drawn with replacement and the benchmark's own
 * aggregator sums them up, so that every figure has an interval, F1, sums of accuracies and circular groups included.
 * Bounds are percentiles of the resampled figures. A headline that is a plain share of right answers gets Wilson's.
 *
 * @throws {AbortError} `ABORTED`
 * @source Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; clusters as in Miller, Adding Error
 * Bars to Evals (arXiv 2411.00640)
 */
export async function confidenceIntervals(
  scored: ScoredRows,
  options: ConfidenceOptions = {},
): Promise<ConfidenceReport> {
  const { benchmark, report, rows } = scored;
  const { level = 0.95, resamples = defaultResamples(rows.length), seed = 0, signal } = options;
  const strata = stratify(rows, benchmark.resampling);
  const random = createRandom(seed);
  const headlines: number[] = [];
  const draws = new Map<string, number[]>();
  const draw = (): void => {
    const summarizer = new Summarizer(benchmark, report.profile);
    for (const cluster of resample(strata, random)) summarizer.addDraw(cluster);
    const { headline, figures } = summarizer.summary();
    headlines.push(headline.value);
    for (const [name, value] of figures) {
      const values = draws.get(name);
      if (values) values.push(value);
      else draws.set(name, [value]);
    }
  };
  await repeat(draw, { count: resamples, ...(signal && { signal }) });
  const actual = summarize(scored);
  const share = shareOfRight(strata, actual.headline.best, actual.headline.value);
  const headline = share
    ? scaled(wilsonInterval(share.right, share.total, level), actual.headline.best)
    : percentileInterval(headlines, level);
  return {
    level,
    resamples,
    seed,
    clusters: countClusters(strata),
    method: share ? 'wilson' : 'bootstrap',
    headline: bounded(actual.headline.name, actual.headline.value, headline),
    figures: [...actual.figures].map(([name, value]) =>
      bounded(name, value, percentileInterval(draws.get(name) ?? [], level)),
    ),
  };
}

/** Confidence interval of the mean of some outcomes, 0..1: Wilson's for independent rights and wrongs, else resampled. */
export function meanInterval(
  clusters: readonly (readonly number[])[],
  { level = 0.95, resamples = 999, seed = 0 }: ConfidenceOptions = {},
): Interval {
  const outcomes = clusters.flat();
  if (clusters.every((cluster) => cluster.length === 1) && outcomes.every(isRightOrWrong)) {
    return wilsonInterval(outcomes.filter((outcome) => outcome === 1).length, outcomes.length, level);
  }
  const random = createRandom(seed);
  const sums = clusters.map((cluster) => cluster.reduce((sum, outcome) => sum + outcome, 0));
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    let count = 0;
    for (let drawn = 0; drawn < clusters.length; drawn += 1) {
      const at = random.below(clusters.length);
      sum += sums[at]!;
      count += clusters[at]!.length;
    }
    return sum / count;
  });
  return percentileInterval(means, level);
}

function summarize({ benchmark, report, rows }: ScoredRows): ReturnType<Summarizer['summary']> {
  const summarizer = new Summarizer(benchmark, report.profile);
  for (const { row, score } of rows) summarizer.add(row, score);
  return summarizer.summary();
}

// Wilson's interval holds only if the headline is the share of right answers of independent samples, and nothing else.
function shareOfRight(
  strata: Strata<ScoredRow>,
  best: number,
  value: number,
): { readonly right: number; readonly total: number } | undefined {
  if (strata.length !== 1) return undefined;
  let right = 0;
  let total = 0;
  for (const cluster of strata[0]!) {
    const outcomes = cluster.map(({ score }) => outcomeOf(score, undefined)).filter((outcome) => outcome !== null);
    if (outcomes.length === 0) continue;
    if (outcomes.length > 1 || !isRightOrWrong(outcomes[0]!)) return undefined;
    right += outcomes[0]!;
    total += 1;
  }
  const share = (right / total) * best;
  return Math.abs(share - value) < 1e-9 * best ? { right, total } : undefined;
}

function isRightOrWrong(outcome: number): boolean {
  return outcome === 0 || outcome === 1;
}

function scaled({ low, high }: Interval, best: number): Interval {
  return { low: low * best, high: high * best };
}

function bounded(name: string, value: number, { low, high }: Interval): FigureInterval {
  return { name, value: figure(value), low: figure(low), high: figure(high) };
}
