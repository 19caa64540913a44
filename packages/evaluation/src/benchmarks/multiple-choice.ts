import { optionsOf, textOf, type DatasetRow } from '../data/sample.js';
import { multipleChoicePrompt } from '../prompts/builders.js';
import { RunningMean } from '../scoring/mean.js';
import { judgeOption } from '../judging/judge-option.js';
import type { AskJudge } from '../judging/judge.js';
import { matchOption, type MatchedOption, type Options } from '../scoring/option-matcher.js';
import type { Profile } from '../scoring/profile.js';
import {
  figure,
  type Aggregate,
  type Aggregator,
  type Benchmark,
  type Json,
  type JudgedSample,
  type SampleScore,
} from './benchmark.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

// An answer with a letter is short, but some models explain first.
const MAX_NEW_TOKENS = 200;
const ABBREVIATIONS: Readonly<Record<string, string>> = {
  coarse_perception: 'CP',
  'finegrained_perception (instance-level)': 'FP-S',
  'finegrained_perception (cross-instance)': 'FP-C',
  logic_reasoning: 'LR',
  relation_reasoning: 'RR',
  attribute_reasoning: 'AR',
};

/** A multiple-choice benchmark in which every row counts for itself. */
export function multipleChoiceBenchmark(name: string, title: string): Benchmark {
  return vlmEvalKitBenchmark({
    name,
    title,
    agreement: 'lower-bound',
    maxNewTokens: MAX_NEW_TOKENS,
    prompt: multipleChoicePrompt,
    score: (row, prediction, profile) =>
      choiceScore({ options: optionsOf(row), answer: textOf(row, 'answer'), prediction, profile }),
    judging: { role: 'extract', score: (sample, ask) => judgeChoice(sample, textOf(sample.row, 'answer'), ask) },
    aggregator: () => accuracies(['Overall']),
  });
}

export const realWorldQa: Benchmark = multipleChoiceBenchmark('RealWorldQA', 'Spatial understanding of real scenes');
export const ai2d: Benchmark = multipleChoiceBenchmark('AI2D_TEST', 'Questions about science diagrams');
export const ai2dNoMask: Benchmark = multipleChoiceBenchmark('AI2D_TEST_NO_MASK', 'The same with the labels visible');
export const mmStar: Benchmark = multipleChoiceBenchmark('MMStar', 'Questions that need the picture');
export const seedBench: Benchmark = multipleChoiceBenchmark(
  'SEEDBench_IMG',
  'Scenes, instances, attributes, relations',
);
export const scienceQa: Benchmark = multipleChoiceBenchmark(
  'ScienceQA_TEST',
  'School science questions with a picture',
);

export const scienceQaVal: Benchmark = multipleChoiceBenchmark('ScienceQA_VAL', 'The same, validation part');

/** What a choice is scored from. */
export interface ChoiceCase {
  readonly options: Options;
  /** The right letter. */
  readonly answer: string;
  readonly prediction: string;
  readonly profile: Profile;
}

/** Matches an answer to its options; a refusal or no match is wrong, no match is also counted as unmatched. */
export function choiceScore({ options, answer, prediction, profile }: ChoiceCase): SampleScore {
  return extractedScore(matchOption(prediction, options, profile), answer);
}

/** Lets a judge say which option an answer means. */
export async function judgeChoice(sample: JudgedSample, answer: string, ask: AskJudge): Promise<SampleScore> {
  return extractedScore(await judgeOption(sample, ask), answer);
}

function extractedScore(extracted: MatchedOption, answer: string): SampleScore {
  const hit = extracted === answer ? 1 : 0;
  return { value: hit, isUnmatched: extracted === false, details: { extracted, hit } };
}

const COLUMNS = ['l2-category', 'category'] as const;

interface SplitMeans extends Readonly<Record<(typeof COLUMNS)[number], Map<string, RunningMean>>> {
  readonly overall: RunningMean;
}

/**
 * Accuracy (0..1) for each split: overall, then by `l2-category` and `category`; the headline is in per cent.
 *
 * @param headlineSplits - the splits that the headline is the accuracy of; "Overall" means all
 * @source VLMEvalKit, `multiple_choice.py` `report_acc`
 */
export function accuracies(headlineSplits: readonly string[]): Aggregator {
  const splits = new Map<string, SplitMeans>();
  const names = { 'l2-category': new Set<string>(), category: new Set<string>() };
  const headline = new RunningMean();
  return {
    add(row, { value }) {
      if (value === null) return;
      const split = row.cells['split'] ?? 'none';
      if (headlineSplits.includes(split) || headlineSplits.includes('Overall')) headline.add(value);
      let means = splits.get(split);
      if (means === undefined)
        splits.set(split, (means = { overall: new RunningMean(), 'l2-category': new Map(), category: new Map() }));
      means.overall.add(value);
      for (const column of COLUMNS) {
        const name = row.cells[column];
        if (name === undefined || name === null) continue;
        let mean = means[column].get(name);
        if (mean === undefined) {
          means[column].set(name, (mean = new RunningMean()));
          names[column].add(name);
        }
        mean.add(value);
      }
    },
    result(): Aggregate {
      const table = [...splits.keys()].sort().map((split) => tableRow(split, splits.get(split)!, names));
      return { table, headline: { name: 'Overall', value: headline.value * 100, best: 100 } };
    },
  };
}

function tableRow(
  split: string,
  means: SplitMeans,
  names: Readonly<Record<'l2-category' | 'category', ReadonlySet<string>>>,
): Record<string, Json> {
  const row: Record<string, Json> = { split, Overall: figure(means.overall.value) };
  for (const column of COLUMNS) {
    for (const name of [...names[column]].sort()) {
      row[ABBREVIATIONS[name] ?? name] = figure(means[column].get(name)?.value ?? Number.NaN);
    }
  }
  return row;
}

/** The row with other cells, for rules that rewrite a question before it is scored. */
export function withCells(row: DatasetRow, cells: Readonly<Record<string, string>>): DatasetRow {
  return { index: row.index, cells: { ...row.cells, ...cells } };
}
