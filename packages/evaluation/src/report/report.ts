import { figure, type Json, type SampleScore } from '../benchmarks/benchmark.js';
import type { ImageSource, Sample } from '../data/sample.js';
import { readFile } from 'node:fs/promises';
import type { PromptPart, PromptStyle } from '../prompts/parts.js';
import { readPredictions, type PredictionRecord } from '../run/predictions-file.js';
import { scoreBenchmark, type ScoreOptions, type ScoreReport } from '../run/score-benchmark.js';
import { stratify } from '../statistics/clusters.js';
import {
  confidenceIntervals,
  type ConfidenceOptions,
  type ConfidenceReport,
  meanInterval,
} from '../statistics/confidence.js';
import { outcomeOf, type ScoredRow } from '../statistics/scored-row.js';
import { explain, referenceOf } from './explain.js';
import type { RunBenchmark } from './run-folder.js';
import type { RunManifest } from '../manifest/run-manifest.js';

/** Why a sample is in no figure. */
export type SampleStatus = 'scored' | 'failed' | 'missing';

/** A sample as a report shows it. */
export interface ReportedSample {
  readonly index: string;
  readonly category: string;
  readonly status: SampleStatus;
  /** 0..1; null where the sample has no score of its own. */
  readonly score: number | null;
  readonly isUnmatched: boolean;
  /** What was asked; pictures stand as [picture]. */
  readonly prompt: string;
  /** As the model gave it, or why there is none. */
  readonly answer: string;
  readonly reference: string;
  readonly why: string;
  /** What the scorer reports, by the established tool's names. */
  readonly details: Readonly<Record<string, Json>>;
}

/** Mean score of the samples of a category, with its confidence interval. */
export interface CategoryFigure {
  readonly category: string;
  readonly samples: number;
  /** 0..1 */
  readonly score: number;
  readonly low: number;
  readonly high: number;
}

/** A picture that is shown in a report. */
export interface ReportedPicture {
  readonly bytes: Uint8Array;
  /** As `image/png`. */
  readonly mediaType: string;
}

/** Everything that is reported about one benchmark of a run. */
export interface BenchmarkReport {
  readonly title: string;
  readonly score: Omit<ScoreReport, 'samples'>;
  readonly confidence: ConfidenceReport;
  readonly categories: readonly CategoryFigure[];
  readonly manifest: RunManifest | null;
  /** The worst first, then those without a score. */
  readonly samples: readonly ReportedSample[];
}

export interface BenchmarkReportOptions
  extends
    ConfidenceOptions,
    Pick<ScoreOptions, 'profile' | 'judge' | 'judgeConcurrency' | 'onJudged' | 'limit' | 'sampleSeed'> {}

/**
 * Scores a run and adds what people ask next: intervals, categories, and every sample with the reason of its score.
 *
 * @throws as `scoreBenchmark`
 */
export async function reportBenchmark(
  run: RunBenchmark,
  options: BenchmarkReportOptions = {},
): Promise<BenchmarkReport> {
  const { benchmark, predictions, manifest } = run;
  const selection = selectionOf(options, manifest);
  const records = await lastRecords(predictions);
  const style = manifest?.settings.promptStyle ?? 'minicpm';
  const rows: ScoredRow[] = [];
  const prompts: string[] = [];
  const { samples, ...score } = await scoreBenchmark({
    ...options,
    ...selection,
    benchmark,
    predictions,
    onSample: (sample, scored) => {
      rows.push({ row: { index: sample.index, cells: sample.cells }, ...(scored && { score: scored }) });
      prompts.push(promptText(run, sample, style));
    },
  });
  const details = new Map(samples.map((sample) => [sample.index, sample.details]));
  const matchedBy = score.matching.by === 'judge' ? 'Neither a rule nor the judge' : 'No rule';
  const reported = rows.map((scored, at) => {
    const { index } = scored.row;
    const about = { prompt: prompts[at]!, record: records.get(index), details: details.get(index) ?? {}, matchedBy };
    return reportSample(scored, about);
  });
  return {
    title: benchmark.benchmark.title,
    score,
    confidence: await confidenceIntervals(
      { benchmark: benchmark.benchmark, report: { ...score, samples }, rows },
      options,
    ),
    categories: categoryFigures(run, rows, reported, options),
    manifest: manifest ?? null,
    samples: [...reported].sort(worstFirst),
  };
}

/** Reads the pictures of some samples, by index. */
export async function readPictures(
  run: RunBenchmark,
  indices: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly Uint8Array[]>> {
  const pictures = new Map<string, readonly Uint8Array[]>();
  for await (const sample of run.benchmark.dataset.samples()) {
    if (!indices.has(sample.index)) continue;
    // A picture that cannot be read must not take the report with it: its sample has failed for the same reason.
    const images = await sample.images().catch(() => []);
    pictures.set(
      sample.index,
      (await Promise.all(images.map(bytesOf))).filter((bytes) => bytes !== undefined),
    );
    if (pictures.size === indices.size) break;
  }
  return pictures;
}

async function bytesOf(source: ImageSource): Promise<Uint8Array | undefined> {
  return source.type === 'bytes' ? source.bytes : readFile(source.path).catch(() => undefined);
}

// The samples that a run was limited to are the ones that can be missing.
function selectionOf(
  options: BenchmarkReportOptions,
  manifest: RunManifest | undefined,
): Pick<ScoreOptions, 'limit' | 'sampleSeed'> {
  const limit = options.limit ?? manifest?.settings.limit ?? undefined;
  const sampleSeed = options.sampleSeed ?? manifest?.settings.seed ?? undefined;
  return { ...(limit === undefined ? {} : { limit }), ...(sampleSeed === undefined ? {} : { sampleSeed }) };
}

async function lastRecords(predictions: string): Promise<ReadonlyMap<string, PredictionRecord>> {
  const records = new Map<string, PredictionRecord>();
  for await (const record of readPredictions(predictions)) {
    const earlier = records.get(record.index);
    if (!earlier || 'prediction' in record || 'error' in earlier) records.set(record.index, record);
  }
  return records;
}

function promptText(run: RunBenchmark, sample: Sample, style: PromptStyle): string {
  const show = (part: PromptPart): string => (part.type === 'text' ? part.text : '[picture]');
  try {
    return run.benchmark.benchmark.prompt(sample, sample.imageCount, style).map(show).join('\n');
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}

interface AboutSample {
  readonly prompt: string;
  readonly record: PredictionRecord | undefined;
  readonly details: Readonly<Record<string, Json>>;
  readonly matchedBy: string;
}

function reportSample({ row, score }: ScoredRow, { prompt, record, details, matchedBy }: AboutSample): ReportedSample {
  const base = { index: row.index, category: categoryOf(row), prompt, reference: referenceOf(row), details };
  if (record && 'prediction' in record && score) {
    const full: SampleScore = { ...score, details };
    const outcome = outcomeOf(score, details);
    const why = explain({ row, score: full, prediction: record.prediction, matchedBy });
    return {
      ...base,
      status: 'scored',
      score: outcome,
      isUnmatched: score.isUnmatched === true,
      answer: record.prediction,
      why,
    };
  }
  const missing = { score: null, isUnmatched: false };
  if (record && 'error' in record) {
    const { code, message } = record.error;
    return { ...base, ...missing, status: 'failed', answer: '', why: `Failed (${code}): ${message}` };
  }
  return { ...base, ...missing, status: 'missing', answer: '', why: 'Not answered yet.' };
}

const UNCATEGORISED = 'all samples';

function categoryOf({ cells }: ScoredRow['row']): string {
  return cells['category'] ?? cells['l2-category'] ?? cells['split'] ?? UNCATEGORISED;
}

function categoryFigures(
  { benchmark: { benchmark } }: RunBenchmark,
  rows: readonly ScoredRow[],
  samples: readonly ReportedSample[],
  options: ConfidenceOptions,
): CategoryFigure[] {
  const outcomes = new Map(samples.map(({ index, score }) => [index, score]));
  const byCategory = new Map<string, ScoredRow[]>();
  for (const scored of rows) {
    const category = categoryOf(scored.row);
    const list = byCategory.get(category);
    if (list) list.push(scored);
    else byCategory.set(category, [scored]);
  }
  const figures: CategoryFigure[] = [];
  for (const [category, list] of byCategory) {
    const clusters = stratify(list, benchmark.resampling)
      .flat()
      .map((cluster) => cluster.map(({ row }) => outcomes.get(row.index) ?? null).filter((one) => one !== null))
      .filter((cluster) => cluster.length > 0);
    const all = clusters.flat();
    if (all.length === 0) continue;
    const score = all.reduce((sum, one) => sum + one, 0) / all.length;
    figures.push({ category, samples: all.length, score, ...meanInterval(clusters, options) });
  }
  return figures;
}

function worstFirst(a: ReportedSample, b: ReportedSample): number {
  if (a.status !== b.status) return STATUS_ORDER[a.status] - STATUS_ORDER[b.status];
  return (a.score ?? 2) - (b.score ?? 2);
}

const STATUS_ORDER: Readonly<Record<SampleStatus, number>> = { scored: 0, failed: 1, missing: 2 };

/** Makes a report safe for JSON: a figure of nothing is the text "NaN". */
export function reportJson(reports: readonly BenchmarkReport[]): Json {
  return JSON.parse(
    JSON.stringify({ format: 'pocketlens-report', formatVersion: 1, benchmarks: reports }, (_, value: unknown) =>
      typeof value === 'number' ? figure(value) : value,
    ),
  ) as Json;
}
