import { textOf, type DatasetRow } from '../data/sample.js';
import { listItems } from '../python/literal.js';
import { shortAnswerPrompt } from '../prompts/builders.js';
import { anlsFromDistances, normalizedDistance } from '../scoring/levenshtein.js';
import { RunningMean } from '../scoring/mean.js';
import { relaxedMatch } from '../scoring/relaxed-accuracy.js';
import { vqaAccuracy } from '../scoring/vqa-accuracy.js';
import { figure, type Aggregator, type Benchmark, type Json } from './benchmark.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

/** TextVQA, validation: VQA accuracy against ten people's answers. */
export const textVqa: Benchmark = vlmEvalKitBenchmark({
  name: 'TextVQA_VAL',
  title: 'Questions about text in photographs',
  maxNewTokens: 1024,
  prompt: shortAnswerPrompt,
  score(row, prediction, profile) {
    const { score, match, normalizedPrediction } = vqaAccuracy(answersOf(row), prediction, profile);
    return {
      value: score,
      details: { score, match, normalized_prediction: normalizedPrediction },
    };
  },
  aggregator: percentages,
});

/** DocVQA, validation: average normalised Levenshtein similarity. */
export const docVqa: Benchmark = anlsBenchmark('DocVQA_VAL', 'Questions about scanned documents');

/** InfographicVQA, validation: average normalised Levenshtein similarity. */
export const infoVqa: Benchmark = anlsBenchmark('InfoVQA_VAL', 'Questions about infographics');

/** ChartQA, test: numbers within 5 %, text equal but for case. */
export const chartQa: Benchmark = vlmEvalKitBenchmark({
  name: 'ChartQA_TEST',
  title: 'Questions about charts',
  maxNewTokens: 1024,
  prompt: shortAnswerPrompt,
  score(row, prediction, profile) {
    const match = answersOf(row).map((answer) => relaxedMatch(answer, prediction, profile));
    const score = match.includes(true);
    return { value: score ? 1 : 0, details: { score, match } };
  },
  aggregator: percentages,
});

function anlsBenchmark(name: string, title: string): Benchmark {
  return vlmEvalKitBenchmark({
    name,
    title,
    maxNewTokens: 1024,
    prompt: shortAnswerPrompt,
    score(row, prediction) {
      const match = answersOf(row).map((answer) => normalizedDistance(answer, prediction));
      const score = anlsFromDistances(match);
      return { value: score, details: { score, match } };
    },
    aggregator: percentages,
  });
}

/** The ground truths of a row: the items of a list, or the cell itself. */
export function answersOf(row: DatasetRow): string[] {
  return listItems(textOf(row, 'answer'));
}

/**
 * Mean in per cent over all, and for each `split`, or where there is none for each `category`.
 *
 * @source VLMEvalKit, `image_vqa.py` `ImageVQADataset.evaluate`
 */
export function percentages(): Aggregator {
  const overall = new RunningMean();
  const groups = new Map<string, RunningMean>();
  return {
    add(row, { value }) {
      if (value === null) return;
      overall.add(value);
      const group = row.cells['split'] === undefined ? row.cells['category'] : row.cells['split'];
      if (group === undefined || group === null) return;
      const mean = groups.get(group) ?? new RunningMean();
      groups.set(group, mean);
      mean.add(value);
    },
    result() {
      const table: Record<string, Json> = { Overall: figure(overall.value * 100) };
      for (const name of [...groups.keys()].sort()) table[name] = figure(groups.get(name)!.value * 100);
      return { table: [table], headline: { name: 'Overall', value: overall.value * 100, best: 100 } };
    },
  };
}
