import type { Agreement, Headline, Json, SampleScore } from '../benchmarks/benchmark.js';
import { figure } from '../benchmarks/benchmark.js';
import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { Sample } from '../data/sample.js';
import { ColumnTyper, spreadsheetText, typedCell } from '../python/column.js';
import type { Profile } from '../scoring/profile.js';
import { readPredictions, type PredictionRecord } from './predictions-file.js';
import { checkBelongs } from './run-benchmark.js';

export interface ScoreOptions {
  readonly benchmark: LoadedBenchmark;
  /** A predictions file, or predictions by index of the sample. */
  readonly predictions: string | Readonly<Record<string, string>>;
  /** Default `current`. */
  readonly profile?: Profile;
  /** Scores only so many samples from the start of the dataset; default all. */
  readonly limit?: number;
  /** Called for every sample in the order of the dataset; without a score for one that failed or has no prediction. */
  readonly onSample?: (sample: Sample, score: SampleScore | undefined) => void;
}

/** What became of one sample. */
export interface SampleReport {
  readonly index: string;
  /** What the established tool reports for a sample, by its own names. */
  readonly details: Readonly<Record<string, Json>>;
}

/** The result of a benchmark. Everything in it can be written as JSON. */
export interface ScoreReport {
  readonly benchmark: string;
  readonly profile: Profile;
  /** `lower-bound`: a judge model could only raise the figure, by at most what the unmatched samples allow. */
  readonly agreement: Agreement;
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
  /** Scored samples in whose answer no rule found anything, counted as wrong. */
  readonly unmatched: number;
  /** True when every sample was scored; otherwise the figures are of a part. */
  readonly isComplete: boolean;
  readonly samples: readonly SampleReport[];
}

/**
 * Scores predictions without running any model. A failed or missing sample is counted, and left out of every figure.
 *
 * @throws {PredictionsError} `PREDICTIONS_FORMAT` or `PREDICTIONS_MISMATCH`
 * @throws {DatasetError} when the data cannot be read
 */
export async function scoreBenchmark(options: ScoreOptions): Promise<ScoreReport> {
  const { benchmark, dataset } = options.benchmark;
  const profile = options.profile ?? 'current';
  const predictions = await collect(options, benchmark.name);
  if (benchmark.isStoredAsSpreadsheet) storeAsSpreadsheet(predictions);
  const aggregator = benchmark.aggregator(profile);
  const samples: SampleReport[] = [];
  const counts = { total: 0, failed: 0, missing: 0, unmatched: 0 };
  for await (const sample of dataset.samples()) {
    if (counts.total >= (options.limit ?? Number.POSITIVE_INFINITY)) break;
    counts.total += 1;
    const prediction = predictions.get(sample.index);
    if (prediction === undefined || prediction === FAILED) {
      counts[prediction === FAILED ? 'failed' : 'missing'] += 1;
      aggregator.addUnscored?.(sample);
      options.onSample?.(sample, undefined);
      continue;
    }
    const score = benchmark.score(sample, prediction, profile);
    aggregator.add(sample, score);
    options.onSample?.(sample, score);
    if (score.isUnmatched === true) counts.unmatched += 1;
    samples.push({ index: sample.index, details: score.details });
  }
  const { table, headline, revisions } = aggregator.result();
  return {
    benchmark: benchmark.name,
    profile,
    agreement: benchmark.agreement,
    headline: headlineJson(headline),
    table,
    ...counts,
    scored: samples.length,
    dropped: dataset.dropped,
    isComplete: samples.length === counts.total && counts.total === dataset.count,
    samples: samples.map(({ index, details }) => ({ index, details: { ...details, ...revisions?.get(index) } })),
  };
}

// A symbol and not a text: a prediction may be any text.
const FAILED = Symbol('failed');
type Predictions = Map<string, string | typeof FAILED>;

async function collect(options: ScoreOptions, benchmark: string): Promise<Predictions> {
  if (typeof options.predictions !== 'string') return new Map(Object.entries(options.predictions));
  const predictions: Predictions = new Map();
  for await (const record of readPredictions(options.predictions)) {
    checkBelongs(record, benchmark, options.predictions);
    keep(predictions, record);
  }
  return predictions;
}

// The last answer counts; a failure never replaces an answer.
function keep(predictions: Predictions, record: PredictionRecord): void {
  if ('prediction' in record) predictions.set(record.index, record.prediction);
  else if (!predictions.has(record.index)) predictions.set(record.index, FAILED);
}

// An empty prediction comes back as "nan"; if all are numbers, "007" comes back as "7".
function storeAsSpreadsheet(predictions: Predictions): void {
  const typer = new ColumnTyper();
  for (const prediction of predictions.values()) {
    if (prediction !== FAILED) typer.add(spreadsheetText(prediction));
  }
  for (const [index, prediction] of predictions) {
    if (prediction !== FAILED) predictions.set(index, typedCell(spreadsheetText(prediction), typer.type) ?? 'nan');
  }
}

function headlineJson({ name, value, best }: Headline): ScoreReport['headline'] {
  return { name, value: figure(value), best };
}
