import { textOf, type DatasetRow } from '../data/sample.js';
import { plainPrompt, yesOrNoPrompt } from '../prompts/builders.js';
import type { AskJudge } from '../judging/judge.js';
import { askUntilRead } from '../judging/tries.js';
import { judgePrompt } from '../prompts/judge.js';
import { mean, RunningMean } from '../scoring/mean.js';
import type { Profile } from '../scoring/profile.js';
import { extractYesNo, type YesNo } from '../scoring/yes-no.js';
import {
  figure,
  type Aggregator,
  type Benchmark,
  type Json,
  type JudgedSample,
  type SampleScore,
} from './benchmark.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

const MAX_NEW_TOKENS = 3;
const PERCEPTION = [
  'OCR',
  'artwork',
  'celebrity',
  'color',
  'count',
  'existence',
  'landmark',
  'position',
  'posters',
  'scene',
];
const REASONING = ['code_reasoning', 'commonsense_reasoning', 'numerical_calculation', 'text_translation'];

/** MME: per task accuracy plus the share of pictures with both questions right, 2800 at best. */
export const mme: Benchmark = vlmEvalKitBenchmark({
  name: 'MME',
  title: 'Perception and cognition, yes or no',
  agreement: 'lower-bound',
  maxNewTokens: MAX_NEW_TOKENS,
  prompt: plainPrompt,
  score: scoreYesNo,
  judging: { role: 'extract', score: judgeYesNo },
  aggregator: mmePoints,
  resampling: {
    cluster: (row) => `${textOf(row, 'category')}/${textOf(row, 'image_path')}`,
    stratum: (row) => textOf(row, 'category'),
    relabel: (row, draw) => ({ ...row, cells: { ...row.cells, image_path: String(draw) } }),
  },
});

/** POPE: F1 of "yes" on questions for objects that may not be there. */
export const pope: Benchmark = vlmEvalKitBenchmark({
  name: 'POPE',
  title: 'Object hallucination, yes or no',
  agreement: 'lower-bound',
  maxNewTokens: MAX_NEW_TOKENS,
  prompt: plainPrompt,
  score: scoreYesNo,
  judging: { role: 'extract', score: judgeYesNo },
  aggregator: popeTable,
});

/** HallusionBench: accuracy by question, by figure and by question pair; the headline is the mean of the three. */
export const hallusionBench: Benchmark = vlmEvalKitBenchmark({
  name: 'HallusionBench',
  title: 'Illusions and knowledge against the picture, yes or no',
  agreement: 'lower-bound',
  maxNewTokens: MAX_NEW_TOKENS,
  prompt: yesOrNoPrompt,
  score: scoreYesNo,
  judging: { role: 'extract', score: judgeYesNo },
  aggregator: hallusionTable,
  resampling: {
    cluster: (row) => `${textOf(row, 'l2-category')}_${row.index.split('_')[3]}`,
    relabel: (row, draw) => ({ ...row, index: row.index.split('_').with(3, String(draw)).join('_') }),
  },
});

function scoreYesNo(row: DatasetRow, prediction: string, profile: Profile): SampleScore {
  return extractedScore(row, extractYesNo(prediction, profile));
}

// Source: VLMEvalKit, `yorn.py` `YOrN_auxeval`.
async function judgeYesNo({ row, prediction, profile }: JudgedSample, ask: AskJudge): Promise<SampleScore> {
  const tries = { prompt: judgePrompt('yorn', row, prediction), count: 5, temperatureStep: 0.5 };
  const found = await askUntilRead(tries, ask, (reply) => {
    const answer = extractYesNo(reply, profile);
    return answer === 'Unknown' ? undefined : answer;
  });
  return extractedScore(row, found ?? 'Unknown');
}

function extractedScore(row: DatasetRow, extracted: YesNo): SampleScore {
  const score = extracted === textOf(row, 'answer');
  return { value: score ? 1 : 0, isUnmatched: extracted === 'Unknown', details: { extracted, score } };
}

// Source: VLMEvalKit, `yorn.py` `MME_rating`. The tool stops when a task is missing; here its sum is NaN.
function mmePoints(): Aggregator {
  const tasks = new Map<string, Map<string, number[]>>();
  return {
    add(row, { value }) {
      const task = textOf(row, 'category');
      const pictures = tasks.get(task) ?? new Map<string, number[]>();
      tasks.set(task, pictures);
      const path = textOf(row, 'image_path');
      const scores = pictures.get(path) ?? [];
      pictures.set(path, scores);
      scores.push(value ?? 0);
    },
    result() {
      const points = new Map([...tasks].map(([task, pictures]) => [task, taskPoints([...pictures.values()])]));
      const sum = (names: readonly string[]): number =>
        names.reduce((total, name) => total + (points.get(name) ?? Number.NaN), 0);
      const perception = sum(PERCEPTION);
      const reasoning = sum(REASONING);
      const table: Record<string, Json> = { perception: figure(perception), reasoning: figure(reasoning) };
      for (const [task, value] of points) table[task] = figure(value);
      return {
        table: [table],
        headline: { name: 'perception + reasoning', value: perception + reasoning, best: 2800 },
      };
    },
  };
}

function taskPoints(pictures: readonly (readonly number[])[]): number {
  // A picture with one question, as in a run cut short, has no pair to judge.
  const both = pictures.filter((scores) => scores.length > 1).map((scores) => scores[0]! * scores[1]!);
  return mean(pictures.flat()) * 100 + mean(both) * 100;
}

class Confusion {
  readonly #accuracy = new RunningMean();
  #truePositives = 0;
  #falsePositives = 0;
  #falseNegatives = 0;

  // Everything that is not "Yes" counts as negative for F1, but "Unknown" is wrong for the accuracy.
  add(answer: string, extracted: Json | undefined, score: number): void {
    this.#accuracy.add(score);
    const isYes = extracted === 'Yes';
    if (answer === 'Yes' && isYes) this.#truePositives += 1;
    else if (answer === 'Yes') this.#falseNegatives += 1;
    else if (isYes) this.#falsePositives += 1;
  }

  figures(split: string): { readonly split: string; readonly Overall: number; readonly table: Json } {
    const precision = ratio(this.#truePositives, this.#truePositives + this.#falsePositives);
    const recall = ratio(this.#truePositives, this.#truePositives + this.#falseNegatives);
    const f1 = ratio(2 * (precision * recall), precision + recall);
    const table = {
      split,
      Overall: f1 * 100,
      acc: figure(this.#accuracy.value * 100),
      precision: precision * 100,
      recall: recall * 100,
    };
    return { split, Overall: f1 * 100, table };
  }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

// Source: VLMEvalKit, `yorn.py` `POPE_rating`: a row counts once for each of its comma-joined categories.
function popeTable(): Aggregator {
  const overall = new Confusion();
  const categories = new Map<string, Confusion>();
  return {
    add(row, { value, details }) {
      for (const category of textOf(row, 'category').split(',')) {
        const confusion = categories.get(category) ?? new Confusion();
        categories.set(category, confusion);
        for (const target of [overall, confusion]) target.add(textOf(row, 'answer'), details['extracted'], value ?? 0);
      }
    },
    result() {
      const all = overall.figures('Overall');
      const rest = [...categories.keys()].sort().map((name) => categories.get(name)!.figures(name).table);
      return { table: [all.table, ...rest], headline: { name: 'F1', value: all.Overall, best: 100 } };
    },
  };
}

class HallusionGroup {
  readonly #all = new RunningMean();
  readonly #figures = new Map<string, boolean>();
  readonly #questions = new Map<string, boolean>();

  add(row: DatasetRow, score: number): void {
    const [, , , set, figureId, question] = row.index.split('_');
    const kind = `${textOf(row, 'l2-category')}_${set}`;
    this.#all.add(score);
    for (const [group, key] of [
      [this.#figures, `${kind}_${figureId}`],
      [this.#questions, `${kind}_${question}`],
    ] as const) {
      group.set(key, (group.get(key) ?? true) && score === 1);
    }
  }

  accuracies(): readonly [aAcc: number, fAcc: number, qAcc: number] {
    const share = (group: ReadonlyMap<string, boolean>): number => mean([...group.values()].map(Number)) * 100;
    return [this.#all.value * 100, share(this.#figures), share(this.#questions)];
  }
}

// Source: VLMEvalKit, `yorn.py` `Hallusion_rating`.
function hallusionTable(): Aggregator {
  const groups = new Map<string, HallusionGroup>([['Overall', new HallusionGroup()]]);
  return {
    add(row, { value }) {
      const names = [row.cells['category'], row.cells['l2-category']].filter((name) => typeof name === 'string');
      for (const name of new Set(['Overall', ...names])) {
        const group = groups.get(name) ?? new HallusionGroup();
        groups.set(name, group);
        group.add(row, value ?? 0);
      }
    },
    result() {
      const table = [...groups.keys()].sort().map((split): Json => {
        const [aAcc, fAcc, qAcc] = groups.get(split)!.accuracies();
        return { split, aAcc: figure(aAcc), fAcc: figure(fAcc), qAcc: figure(qAcc) };
      });
      return {
        table,
        headline: { name: 'mean of aAcc, fAcc, qAcc', value: mean(groups.get('Overall')!.accuracies()), best: 100 },
      };
    },
  };
}
