import type { Agreement, Headline, Json, SampleScore } from '../benchmarks/benchmark.js';
import { figure } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { Sample } from '../data/sample.js';
import { JudgeError } from '../errors.js';
import { judgeSamples, type JudgeProgress } from '../judging/judge-samples.js';
import type { Judge } from '../judging/judge.js';
import type { Profile } from '../scoring/profile.js';
import { FAILED, openPredictions, type PredictionSet } from './prediction-set.js';
import { selectSamples, type SelectedSamples, type Selection } from './select-samples.js';

export interface ScoreOptions extends Selection {
  readonly benchmark: LoadedBenchmark;
  /** A predictions file, or predictions by index of the sample. */
  readonly predictions: string | Readonly<Record<string, string>>;
  /** Default `current`. */
  readonly profile?: Profile;
  /**
   * Reads what no rule can read, and grades open answers. Default: none; then what no rule reads counts as wrong, and what
   * only a judge can grade has no score.
   */
  readonly judge?: Judge;
  /** Samples that the judge has in work at once; default 4. */
  readonly judgeConcurrency?: number;
  readonly onJudged?: (progress: JudgeProgress) => void;
  readonly signal?: AbortSignal;
  /** False leaves `samples` of the report empty, so that memory stays flat; default true. */
  readonly keepSamples?: boolean;
  /** Called for every sample in the order of the dataset; without a score for one that failed or has no prediction. */
  readonly onSample?: (sample: Sample, score: SampleScore | undefined) => void;
}

/** What became of one sample. */
export interface SampleReport {
  readonly index: string;
  /** What the established tool reports for a sample, by its own names. */
  readonly details: Readonly<Record<string, Json>>;
}

/** How answers were matched: by rules alone (`exact-matching`), or also by a judge. */
export interface Matching {
  readonly by: 'exact-matching' | 'judge';
  /** Name of the judge; another judge is another metric. */
  readonly judge?: string;
  /** Samples that the judge was shown. */
  readonly judged?: number;
  /** Questions to the judge in this call, and questions whose replies were on the disk. */
  readonly asked?: number;
  readonly cached?: number;
}

/** The result of a benchmark. Everything in it can be written as JSON. */
export interface ScoreReport {
  readonly benchmark: string;
  readonly profile: Profile;
  /** `lower-bound`: a judge model could only raise the figure, by at most what the unmatched samples allow. */
  readonly agreement: Agreement;
  readonly matching: Matching;
  readonly headline: { readonly name: string; readonly value: number | 'NaN'; readonly best: number };
  /** The established tool's own table. */
  readonly table: Json;
  /** Samples of the dataset, or of the limit. */
  readonly total: number;
  /** Samples that the figures are made of. */
  readonly scored: number;
  /** Samples whose run failed: they are in no figure. */
  readonly failed: number;
  /** Samples without any prediction: they are in no figure. */
  readonly missing: number;
  /** Rows that the dataset has but that were dropped for want of an image. */
  readonly dropped: number;
  /** Scored samples in whose answer neither rule nor judge found anything, counted as wrong. */
  readonly unmatched: number;
  /** True when every sample was scored; otherwise the figures are of a part. */
  readonly isComplete: boolean;
  readonly samples: readonly SampleReport[];
}

const JUDGE_CONCURRENCY = 4;

/**
 * Scores predictions; no model runs but the judge, where one is given. A failed or missing sample is counted, and left out of
 * every figure.
 *
 * @throws {PredictionsError} `PREDICTIONS_FORMAT` or `PREDICTIONS_MISMATCH`
 * @throws {DatasetError} when the data cannot be read
 * @throws {JudgeError} `JUDGE_REQUIRED` where only a judge can score and there is none, `JUDGE_FAILED`
 * @throws {AbortError} `ABORTED`
 */
export async function scoreBenchmark(options: ScoreOptions): Promise<ScoreReport> {
  const { benchmark, dataset } = options.benchmark;
  const profile = options.profile ?? 'current';
  requireJudge(options);
  const predictions = await openPredictions(options.predictions, {
    benchmark: benchmark.name,
    isStoredAsSpreadsheet: benchmark.isStoredAsSpreadsheet,
  });
  const selected = await selectSamples(options.benchmark, options);
  const { verdicts, matching } = await judgeVerdicts(options, predictions, selected);
  const aggregator = benchmark.aggregator(profile);
  const samples: SampleReport[] = [];
  const counts = { total: 0, failed: 0, missing: 0, scored: 0, unmatched: 0 };
  const reader = predictions.reader();
  try {
    for await (const sample of selected.samples()) {
      counts.total += 1;
      const found = reader.find(sample.index);
      const prediction = found instanceof Promise ? await found : found;
      if (prediction === undefined || prediction === FAILED) {
        counts[prediction === FAILED ? 'failed' : 'missing'] += 1;
        aggregator.addUnscored?.(sample);
        options.onSample?.(sample, undefined);
        continue;
      }
      const verdict = verdicts?.get(sample.index);
      const score = verdict ?? benchmark.score(sample, prediction, profile);
      aggregator.add(sample, score);
      options.onSample?.(sample, score);
      counts.scored += 1;
      // What the judge did not have to look at was decided without it.
      if ((verdicts ? verdict : score)?.isUnmatched === true) counts.unmatched += 1;
      if (options.keepSamples !== false) samples.push({ index: sample.index, details: score.details });
    }
  } finally {
    await reader.close();
  }
  const { table, headline, revisions } = aggregator.result();
  return {
    benchmark: benchmark.name,
    profile,
    agreement: benchmark.agreement,
    matching,
    headline: headlineJson(headline),
    table,
    ...counts,
    dropped: dataset.dropped,
    isComplete: counts.scored === dataset.count,
    samples: samples.map(({ index, details }) => ({ index, details: { ...details, ...revisions?.get(index) } })),
  };
}

function requireJudge({ benchmark: { benchmark }, judge }: ScoreOptions): void {
  if (benchmark.agreement !== 'judge' || judge !== undefined) return;
  throw new JudgeError(
    'JUDGE_REQUIRED',
    `Expected a judge model for ${benchmark.name}: its answers have no other score.`,
    {
      hint: 'Name a language model that grades them; predictions can be made without one.',
    },
  );
}

interface Verdicts {
  readonly verdicts?: ReadonlyMap<string, SampleScore>;
  readonly matching: Matching;
}

async function judgeVerdicts(
  options: ScoreOptions,
  predictions: PredictionSet,
  selected: SelectedSamples,
): Promise<Verdicts> {
  const { benchmark, judge, profile = 'current', judgeConcurrency, signal, onJudged } = options;
  const { judging } = benchmark.benchmark;
  if (judge === undefined || judging === undefined) return { matching: { by: 'exact-matching' } };
  const before = { ...judge.counts };
  const verdicts = await judgeSamples({
    benchmark,
    judging,
    predictions,
    profile,
    judge,
    concurrency: judgeConcurrency ?? JUDGE_CONCURRENCY,
    samples: () => selected.samples(),
    signal,
    onProgress: onJudged,
  });
  const { asked, cached } = judge.counts;
  return {
    verdicts,
    matching: {
      by: 'judge',
      judge: judge.name,
      judged: verdicts.size,
      asked: asked - before.asked,
      cached: cached - before.cached,
    },
  };
}

function headlineJson({ name, value, best }: Headline): ScoreReport['headline'] {
  return { name, value: figure(value), best };
}
