import { optionsOf, textOf, type DatasetRow } from '../data/sample.js';
import { mmmuPrompt } from '../prompts/builders.js';
import type { Benchmark } from './benchmark.js';
import { accuracies, choiceScore, judgeChoice, withCells } from './multiple-choice.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

/**
 * MMMU, development and validation in one file; the headline is the validation split. An open question becomes one of
 * two options, the answer's text and "Other Answers". Source: VLMEvalKit, `multiple_choice.py` `MMMU_preproc`.
 */
export const mmmu: Benchmark = vlmEvalKitBenchmark({
  name: 'MMMU_DEV_VAL',
  title: 'College questions of thirty subjects',
  agreement: 'lower-bound',
  maxNewTokens: 200,
  prompt: mmmuPrompt,
  score(row, prediction, profile) {
    return choiceScore({
      options: optionsOf(closeOpenQuestion(row)),
      answer: rightOption(row),
      prediction,
      profile,
    });
  },
  judging: {
    role: 'extract',
    score: (sample, ask) =>
      judgeChoice({ ...sample, row: closeOpenQuestion(sample.row) }, rightOption(sample.row), ask),
  },
  aggregator: () => accuracies(['validation']),
});

function rightOption(row: DatasetRow): string {
  const answer = textOf(row, 'answer');
  return /^[A-Z]$/.test(answer) ? answer : 'A';
}

function closeOpenQuestion(row: DatasetRow): DatasetRow {
  const first = row.cells['A'];
  if (first !== undefined && first !== null) return row;
  return withCells(row, { A: textOf(row, 'answer'), B: 'Other Answers' });
}
