import { figure, type Headline, type Json } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import { EvaluationError } from '../errors.js';
import type { Judge } from '../judging/judge.js';
import type { Matching, ScoreOptions } from '../run/score-benchmark.js';
import type { Selection } from '../run/select-samples.js';
import type { Profile } from '../scoring/profile.js';
import { countClusters, resample, stratify, type Strata } from './clusters.js';
import type { ConfidenceOptions, FigureInterval } from './confidence.js';
import { normalQuantile, percentileInterval } from './interval.js';
import { mcnemarTest } from './mcnemar.js';
import { createRandom } from './random.js';
import { defaultResamples, repeat, Summarizer, type Summary } from './resampled-figures.js';
import { outcomeOf, scoreRows, type ScoredRow, type ScoredRows } from './scored-row.js';

export interface CompareOptions
  extends ConfidenceOptions, Selection, Pick<ScoreOptions, 'judgeConcurrency' | 'onJudged'> {
  readonly benchmark: LoadedBenchmark;
  /** Predictions of the first run: a file, or by index. */
  readonly a: ScoreOptions['predictions'];
  readonly b: ScoreOptions['predictions'];
  /** Default `current`. */
  readonly profile?: Profile;
  /** One judge for both runs, or one each, so that each run keeps its replies. Default: none. */
  readonly judge?: Judge | readonly [a: Judge, b: Judge];
}

/** A figure of two runs; the interval is of the difference b - a. */
export interface FigureDifference extends Omit<FigureInterval, 'value'> {
  readonly a: number | 'NaN';
  readonly b: number | 'NaN';
  readonly difference: number | 'NaN';
}

/** A sample that the two runs did not do equally well. */
export interface ChangedSample {
  readonly index: string;
  /** 0..1 */
  readonly a: number;
  readonly b: number;
}

/** Whether two runs of a benchmark differ. Everything is about the samples that both have answered. */
export interface ComparisonReport {
  readonly benchmark: string;
  readonly profile: Profile;
  /** Samples that both runs have a score for. */
  readonly paired: number;
  /** Samples that only one run has a score for, by index: they are in no figure. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  readonly inNeither: number;
  /** How the answers of each run were matched. */
  readonly matching: { readonly a: Matching; readonly b: Matching };
  readonly clusters: number;
  readonly level: number;
  readonly resamples: number;
  readonly seed: number;
  readonly headline: FigureDifference & {
    readonly best: number;
    /** Two-sided p-value of the permutation test. */
    readonly p: number;
    /** The smallest true difference that a comparison like this one would notice four times in five. */
    readonly detectable: number | 'NaN';
  };
  /** Only where each sample is right or wrong, and independent of the others. */
  readonly mcnemar?: {
    readonly bothRight: number;
    readonly onlyARight: number;
    readonly onlyBRight: number;
    readonly bothWrong: number;
    readonly p: number;
  };
  /** Which run is better, if that is more than chance at this level. */
  readonly better: 'a' | 'b' | 'neither';
  readonly figures: readonly FigureDifference[];
  /** The largest differences first. */
  readonly changed: readonly ChangedSample[];
}

/**
 * Compares two runs of a benchmark sample by sample. Intervals of differences come from the paired cluster bootstrap: the
 * same clusters are drawn for both runs. The test swaps the runs' answers cluster by cluster at random and counts how
 * often the headlines then differ as much. Where samples are right or wrong, McNemar's exact test is given as well.
 *
 * @throws {EvaluationError} `RUNS_MISMATCH` when no sample has a score in both runs
 * @throws {PredictionsError} `PREDICTIONS_MISMATCH` when a file belongs to another benchmark
 * @throws {JudgeError} `JUDGE_REQUIRED` where only a judge can score and there is none, `JUDGE_FAILED`
 * @source Efron and Tibshirani (1993), chapters 13 and 15; the p-value counts the data themselves as one permutation, as in
 * Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010), 39
 */
export async function compareRuns(options: CompareOptions): Promise<ComparisonReport> {
  const { benchmark, profile = 'current', level = 0.95, seed = 0 } = options;
  const [a, b] = [await scoreRun(options, 'a'), await scoreRun(options, 'b')];
  const pairs = a.rows.map(({ row, score }, at) => pairOf(row, score, b.rows[at]!.score));
  const counts = pairing(a.rows, b.rows);
  if (counts.paired === 0) {
    throw new EvaluationError(
      'RUNS_MISMATCH',
      `Expected samples with a score in both runs, got none of ${pairs.length}.`,
    );
  }
  const trial = new Trial(benchmark.benchmark, profile, pairs);
  const resamples = options.resamples ?? defaultResamples(2 * pairs.length);
  const work = { count: resamples, ...(options.signal && { signal: options.signal }) };
  const differences = await trial.bootstrap(createRandom(seed), work);
  const p = await trial.permutationTest(createRandom(seed), work);
  const { a: summaryA, b: summaryB } = trial.summaries();
  const bounds = (name: string): { low: number; high: number } =>
    percentileInterval(differences.get(name) ?? [], level);
  const { headline } = summaryA;
  const outcomes = outcomesOf(trial, pairs);
  const mcnemar = mcnemarOf(trial.strata, outcomes);
  return {
    benchmark: benchmark.benchmark.name,
    profile,
    ...counts,
    matching: { a: a.report.matching, b: b.report.matching },
    clusters: countClusters(trial.strata),
    level,
    resamples,
    seed,
    headline: {
      ...differenceOf(headline.name, headline.value, summaryB.headline.value, bounds(HEADLINE)),
      best: headline.best,
      p,
      detectable: figure(detectable(differences.get(HEADLINE) ?? [])),
    },
    ...(mcnemar && { mcnemar }),
    better: betterOf(headline, summaryB.headline.value, p < 1 - level),
    figures: [...summaryA.figures].map(([name, value]) =>
      differenceOf(name, value, summaryB.figures.get(name) ?? Number.NaN, bounds(name)),
    ),
    changed: changedSamples(outcomes),
  };
}

function scoreRun(options: CompareOptions, side: 'a' | 'b'): Promise<ScoredRows> {
  const { benchmark, profile, limit, sampleSeed, judge, judgeConcurrency, onJudged, signal } = options;
  const own = judge && 'ask' in judge ? judge : judge?.[side === 'a' ? 0 : 1];
  return scoreRows({
    benchmark,
    predictions: options[side],
    ...(profile && { profile }),
    ...(limit !== undefined && { limit }),
    ...(sampleSeed !== undefined && { sampleSeed }),
    ...(own && { judge: own }),
    ...(judgeConcurrency !== undefined && { judgeConcurrency }),
    ...(onJudged && { onJudged }),
    ...(signal && { signal }),
  });
}

// No figure of a table has an empty name.
const HEADLINE = '';

interface Pair {
  readonly row: ScoredRow['row'];
  readonly a?: ScoredRow['score'];
  readonly b?: ScoredRow['score'];
}

// A sample that one side lacks is left out on both.
function pairOf(row: Pair['row'], a: ScoredRow['score'], b: ScoredRow['score']): Pair {
  return a && b ? { row, a, b } : { row };
}

class Trial {
  readonly #benchmark: LoadedBenchmark['benchmark'];
  readonly #profile: Profile;
  readonly #pairs: readonly Pair[];
  readonly strata: Strata<Pair>;

  constructor(benchmark: LoadedBenchmark['benchmark'], profile: Profile, pairs: readonly Pair[]) {
    this.#benchmark = benchmark;
    this.#profile = profile;
    this.#pairs = pairs;
    this.strata = stratify(pairs, benchmark.resampling);
  }

  summarizer(): Summarizer {
    return new Summarizer(this.#benchmark, this.#profile);
  }

  summaries(): { readonly a: Summary; readonly b: Summary } {
    const [a, b] = [this.summarizer(), this.summarizer()];
    for (const pair of this.#pairs) {
      a.add(pair.row, pair.a);
      b.add(pair.row, pair.b);
    }
    return { a: a.summary(), b: b.summary() };
  }

  revisions(side: 'a' | 'b'): ReadonlyMap<string, Readonly<Record<string, Json>>> | undefined {
    const aggregator = this.#benchmark.aggregator(this.#profile);
    for (const pair of this.#pairs) {
      const score = pair[side];
      if (score) aggregator.add(pair.row, score);
      else aggregator.addUnscored?.(pair.row);
    }
    return aggregator.result().revisions;
  }

  /** Differences b - a of all figures in each resample. */
  async bootstrap(
    random: ReturnType<typeof createRandom>,
    work: Parameters<typeof repeat>[1],
  ): Promise<ReadonlyMap<string, number[]>> {
    const differences = new Map<string, number[]>();
    const note = (name: string, difference: number): void => {
      const values = differences.get(name);
      if (values) values.push(difference);
      else differences.set(name, [difference]);
    };
    await repeat(() => {
      const [a, b] = [this.summarizer(), this.summarizer()];
      for (const cluster of resample(this.strata, random)) {
        a.addDraw(cluster.map((pair) => scoredSide(pair, 'a')));
        b.addDraw(cluster.map((pair) => scoredSide(pair, 'b')));
      }
      const [before, after] = [a.summary(), b.summary()];
      note(HEADLINE, after.headline.value - before.headline.value);
      for (const [name, value] of before.figures) note(name, (after.figures.get(name) ?? Number.NaN) - value);
    }, work);
    return differences;
  }

  /** Two-sided p-value of "the runs answer alike", from random swaps of whole clusters. */
  async permutationTest(random: ReturnType<typeof createRandom>, work: Parameters<typeof repeat>[1]): Promise<number> {
    const actual = this.summaries();
    const observed = Math.abs(actual.b.headline.value - actual.a.headline.value);
    // Sums in another order differ in their last bits.
    const threshold = observed * (1 - 1e-9);
    let asLarge = 0;
    await repeat(() => {
      const [a, b] = [this.summarizer(), this.summarizer()];
      for (const clusters of this.strata) {
        for (const cluster of clusters) {
          const [left, right] = random.below(2) === 0 ? [a, b] : [b, a];
          for (const pair of cluster) {
            left.add(pair.row, pair.a);
            right.add(pair.row, pair.b);
          }
        }
      }
      if (Math.abs(b.summary().headline.value - a.summary().headline.value) >= threshold) asLarge += 1;
    }, work);
    return (1 + asLarge) / (1 + work.count);
  }
}

function scoredSide(pair: Pair, side: 'a' | 'b'): ScoredRow {
  const score = pair[side];
  return score ? { row: pair.row, score } : { row: pair.row };
}

type Pairing = Pick<ComparisonReport, 'paired' | 'onlyInA' | 'onlyInB' | 'inNeither'>;

function pairing(a: readonly ScoredRow[], b: readonly ScoredRow[]): Pairing {
  const onlyInA: string[] = [];
  const onlyInB: string[] = [];
  let paired = 0;
  for (const [at, { row, score }] of a.entries()) {
    const other = b[at]!.score;
    if (score && other) paired += 1;
    else if (score) onlyInA.push(row.index);
    else if (other) onlyInB.push(row.index);
  }
  return { paired, onlyInA, onlyInB, inNeither: a.length - paired - onlyInA.length - onlyInB.length };
}

interface Outcomes {
  readonly a: number;
  readonly b: number;
}

function outcomesOf(trial: Trial, pairs: readonly Pair[]): ReadonlyMap<string, Outcomes> {
  const [revisionsA, revisionsB] = [trial.revisions('a'), trial.revisions('b')];
  const outcomes = new Map<string, Outcomes>();
  for (const { row, a, b } of pairs) {
    const before = outcomeOf(a, revisionsA?.get(row.index));
    const after = outcomeOf(b, revisionsB?.get(row.index));
    if (before !== null && after !== null) outcomes.set(row.index, { a: before, b: after });
  }
  return outcomes;
}

function mcnemarOf(strata: Strata<Pair>, outcomes: ReadonlyMap<string, Outcomes>): ComparisonReport['mcnemar'] {
  const counts = { bothRight: 0, onlyARight: 0, onlyBRight: 0, bothWrong: 0 };
  for (const cluster of strata.flat()) {
    const [outcome, ...others] = cluster.map(({ row }) => outcomes.get(row.index)).filter((one) => one !== undefined);
    if (outcome === undefined) continue;
    const { a, b } = outcome;
    if (others.length > 0 || (a !== 0 && a !== 1) || (b !== 0 && b !== 1)) return undefined;
    if (a === b) counts[a === 1 ? 'bothRight' : 'bothWrong'] += 1;
    else counts[a === 1 ? 'onlyARight' : 'onlyBRight'] += 1;
  }
  return { ...counts, p: mcnemarTest(counts.onlyARight, counts.onlyBRight) };
}

function changedSamples(outcomes: ReadonlyMap<string, Outcomes>): ChangedSample[] {
  return [...outcomes]
    .filter(([, { a, b }]) => a !== b)
    .map(([index, { a, b }]) => ({ index, a, b }))
    .sort((left, right) => Math.abs(right.b - right.a) - Math.abs(left.b - left.a));
}

function differenceOf(
  name: string,
  a: number,
  b: number,
  { low, high }: { low: number; high: number },
): FigureDifference {
  return { name, a: figure(a), b: figure(b), difference: figure(b - a), low: figure(low), high: figure(high) };
}

function betterOf({ value: a, best }: Headline, b: number, isSignificant: boolean): ComparisonReport['better'] {
  const gain = Math.abs(a - best) - Math.abs(b - best);
  if (!isSignificant || !(Math.abs(gain) > 0)) return 'neither';
  return gain > 0 ? 'b' : 'a';
}

// Two-sided test at 5 % with a power of 80 %, for a difference with the spread that resampling shows.
function detectable(differences: readonly number[]): number {
  const values = differences.filter((value) => !Number.isNaN(value));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return (normalQuantile(0.975) + normalQuantile(0.8)) * Math.sqrt(variance);
}
