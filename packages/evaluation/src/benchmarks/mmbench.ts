import { optionsOf, textOf, type DatasetRow } from '../data/sample.js';
import { multipleChoicePrompt } from '../prompts/builders.js';
import { judgeOption } from '../judging/judge-option.js';
import { matchOption, type MatchedOption } from '../scoring/option-matcher.js';
import type { Aggregator, Benchmark, Json, SampleScore } from './benchmark.js';
import { accuracies } from './multiple-choice.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

const ROTATION_STEP = 1_000_000;

/**
 * MMBench: each question is asked once for every rotation of its options and counts only if all are right. Without a
 * judge a rotation that no rule matches fails its question. Source: VLMEvalKit, `multiple_choice.py`.
 */
export function mmBench(name: string, title: string): Benchmark {
  return vlmEvalKitBenchmark({
    name,
    title,
    agreement: 'lower-bound',
    maxNewTokens: 200,
    prompt: multipleChoicePrompt,
    score(row, prediction, profile): SampleScore {
      return rotationScore(row, matchOption(prediction, optionsOf(row), profile));
    },
    judging: {
      role: 'extract',
      score: async (sample, ask) => rotationScore(sample.row, await judgeOption(sample, ask)),
      group: { of: groupOf, isLost: ({ details }) => details['isRight'] !== true },
    },
    aggregator: circularAccuracies,
    resampling: {
      cluster: groupOf,
      relabel: (row, draw) => ({
        ...row,
        index: String(Number(row.index) - (Number(row.index) % ROTATION_STEP) + draw),
      }),
    },
  });
}

/** The parts of MMBench with public answers, and the test parts for those who have them. */
export const mmBenches: readonly Benchmark[] = ['', '_V11'].flatMap((version) =>
  ['DEV_EN', 'DEV_CN', 'TEST_EN', 'TEST_CN'].map((part) =>
    mmBench(`MMBench_${part}${version}`, 'Perception and reasoning, every rotation of the options'),
  ),
);

function groupOf(row: DatasetRow): string {
  return String(Number(row.index) % ROTATION_STEP);
}

function rotationScore(row: DatasetRow, extracted: MatchedOption): SampleScore {
  const isRight = extracted === textOf(row, 'answer');
  return { value: null, isUnmatched: extracted === false, details: { extracted, hit: null, isRight } };
}

interface Group {
  base?: DatasetRow;
  isRight: boolean;
  isComplete: boolean;
}

function circularAccuracies(): Aggregator {
  const groups = new Map<number, Group>();
  const known = (row: DatasetRow): Group => {
    const base = Number(row.index) % ROTATION_STEP;
    const group = groups.get(base) ?? { isRight: true, isComplete: true };
    groups.set(base, group);
    if (Number(row.index) === base) group.base = { index: row.index, cells: groupingCells(row) };
    return group;
  };
  return {
    add(row, score) {
      const group = known(row);
      group.isRight &&= score.details['isRight'] === true;
    },
    addUnscored(row) {
      known(row).isComplete = false;
    },
    result() {
      const table = accuracies(['Overall']);
      const revisions = new Map<string, Readonly<Record<string, Json>>>();
      for (const { base, isRight, isComplete } of groups.values()) {
        if (!base || !isComplete) continue;
        const hit = isRight ? 1 : 0;
        table.add(base, { value: hit, details: {} });
        revisions.set(base.index, { hit });
      }
      return { ...table.result(), revisions };
    },
  };
}

function groupingCells(row: DatasetRow): Record<string, string | null> {
  const cells: Record<string, string | null> = {};
  for (const column of ['split', 'category', 'l2-category']) {
    const cell = row.cells[column];
    if (cell !== undefined) cells[column] = cell;
  }
  return cells;
}
