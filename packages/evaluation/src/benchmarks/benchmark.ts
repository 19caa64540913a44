import type { Dataset, DatasetRow, Sample } from '../data/sample.js';
import type { PromptPart, PromptStyle } from '../prompts/parts.js';
import type { AskJudge } from '../judging/judge.js';
import type { Profile } from '../scoring/profile.js';

/** A value that can be written as JSON; a figure of nothing is the text "NaN". */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The score of one sample: what was read out of the answer, and how good it is. */
export interface SampleScore {
  /** 0..1; null where the score belongs to a group of samples and is given elsewhere. */
  readonly value: number | null;
  /** True when no answer could be read out of the prediction, so that it counts as wrong without a judge. */
  readonly isUnmatched?: boolean;
  /** What the established tool reports for the sample, by its own names. */
  readonly details: Readonly<Record<string, Json>>;
}

/** The benchmark's own table and its headline figure. */
export interface Aggregate {
  readonly table: Json;
  readonly headline: Headline;
  /** Details that are only known when all samples are: by index of the sample. */
  readonly revisions?: ReadonlyMap<string, Readonly<Record<string, Json>>>;
}

/** The one figure that is quoted for a benchmark, as the established tables print it. */
export interface Headline {
  readonly name: string;
  /** NaN where there is nothing to average. */
  readonly value: number;
  /** The best possible value. */
  readonly best: number;
}

/** Collects sample scores into the benchmark's table, one at a time, so that no file has to be held. */
export interface Aggregator {
  add(row: DatasetRow, score: SampleScore): void;
  /** Takes note of a sample without a score, where that leaves a group of samples incomplete. */
  addUnscored?(row: DatasetRow): void;
  result(): Aggregate;
}

/** How an answer is generated; none of it is sampled. */
export interface GenerationSettings {
  readonly maxNewTokens: number;
  /** 1 is greedy decoding. */
  readonly beams: number;
  /** 1 is none. */
  readonly repetitionPenalty: number;
}

/**
 * How far scores agree with the established tool's when no judge model is asked. `judge`: without one there is no score.
 * `substitute`: another method takes the judge's place, whose figures are not comparable with published ones.
 */
export type Agreement = 'exact' | 'lower-bound' | 'judge' | 'substitute';

/** A sample in front of a judge. */
export interface JudgedSample {
  readonly row: DatasetRow;
  readonly prediction: string;
  readonly profile: Profile;
}

/** How a judge model decides what rules cannot. */
export interface Judging {
  /** `extract`: the judge only sees answers that no rule can read. `grade`: it sees every answer. */
  readonly role: 'extract' | 'grade';
  score(sample: JudgedSample, ask: AskJudge): Promise<SampleScore>;
  /** Samples that only count together: when one is lost, the judge need not look at the others. */
  readonly group?: {
    of(row: DatasetRow): string;
    isLost(score: SampleScore): boolean;
  };
}

/**
 * How a benchmark's figures are resampled for confidence intervals. By default every sample is drawn for itself, or
 * together with the others of its picture where there is an `image_path`.
 */
export interface Resampling {
  /** Samples of one cluster are drawn together: they share a picture, or only count as a whole. */
  cluster?(row: DatasetRow): string;
  /** Clusters are drawn within their stratum, where the benchmark fixes how many samples each kind has. */
  stratum?(row: DatasetRow): string;
  /**
   * The row as the `draw`-th drawn cluster shows it, where the aggregator recognises groups: a cluster that is drawn
   * twice must count as two.
   */
  relabel?(row: DatasetRow, draw: number): DatasetRow;
  /** Columns of the table that only count samples. */
  readonly counts?: readonly string[];
}

/** A benchmark: everything needed to load, ask, score and sum up. One small file each. */
export interface Benchmark {
  /** The dataset's name, as its file is called. */
  readonly name: string;
  /** What it measures, in a line. */
  readonly title: string;
  readonly agreement: Agreement;
  /** True when the established tool stores predictions in a spreadsheet first, which changes some of them. */
  readonly isStoredAsSpreadsheet: boolean;
  /** Data that comes with this package; others are given as a file. */
  readonly bundledData?: string;
  open(file: string): Promise<Dataset>;
  prompt(row: DatasetRow, imageCount: number, style: PromptStyle): PromptPart[];
  generation(sample: Sample): GenerationSettings;
  /** By rules alone; where only a judge can score, every sample is unmatched. */
  score(row: DatasetRow, prediction: string, profile: Profile): SampleScore;
  readonly judging?: Judging;
  aggregator(profile: Profile): Aggregator;
  readonly resampling?: Resampling;
}

/** Makes a figure safe for JSON. */
export function figure(value: number): number | 'NaN' {
  return Number.isNaN(value) ? 'NaN' : value;
}
