import { textOf } from '../data/sample.js';
import type { AskJudge } from '../judging/judge.js';
import { detailedPrompt } from '../prompts/builders.js';
import { judgePrompt } from '../prompts/judge.js';
import { RunningMean } from '../scoring/mean.js';
import { isMmVetScore, parseMmVetReplies } from '../scoring/judge-replies.js';
import {
  figure,
  type Aggregator,
  type Benchmark,
  type Json,
  type JudgedSample,
  type SampleScore,
} from './benchmark.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

const TRIES = 5;
const CAPABILITIES = ['rec', 'ocr', 'know', 'gen', 'spat', 'math'];

/** MM-Vet: a judge grades open answers from 0 to 1. Source: VLMEvalKit, `mmvet.py`. */
export const mmVet: Benchmark = vlmEvalKitBenchmark({
  name: 'MMVet',
  title: 'Open questions that need several abilities at once, graded by a judge',
  agreement: 'judge',
  maxNewTokens: 1024,
  prompt: detailedPrompt,
  score: () => ({ value: null, isUnmatched: true, details: {} }),
  judging: { role: 'grade', score: gradeMmVet },
  aggregator: mmVetTables,
  resampling: { counts: ['tot'] },
});

async function gradeMmVet({ row, prediction }: JudgedSample, ask: AskJudge): Promise<SampleScore> {
  const prompt = judgePrompt('mmvet', row, prediction);
  const replies: string[] = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    replies.push(await ask({ prompt, temperature: 0.5 * attempt, attempt }));
    if (isMmVetScore(replies.at(-1)!)) break;
  }
  const score = parseMmVetReplies(replies);
  // The established tool counts a grade that cannot be read as 0; so it does here, and is told.
  const isUnmatched = !isMmVetScore(replies.at(-1)!);
  return { value: score, isUnmatched, details: { score: figure(score) } };
}

/**
 * By capability and by combination of capabilities. As in the original both tables share their counters: a sample of a
 * single capability counts twice there. The overall figure is not touched by it.
 */
function mmVetTables(): Aggregator {
  const groups = new Map<string, RunningMean>([...CAPABILITIES, 'Overall'].map((name) => [name, new RunningMean()]));
  const combinations = new Set<string>();
  return {
    add(row, { value }) {
      if (value === null) return;
      const category = textOf(row, 'category');
      const combination = category.replaceAll(',', '_');
      combinations.add(combination);
      const mentioned = CAPABILITIES.filter((name) => category.includes(name));
      for (const name of [...mentioned, 'Overall', combination]) {
        const mean = groups.get(name) ?? new RunningMean();
        groups.set(name, mean);
        mean.add(value);
      }
    },
    result() {
      const rows = (names: readonly string[]): Json =>
        [...names, 'Overall'].map((name) => ({
          Category: name,
          tot: groups.get(name)!.count,
          acc: figure(groups.get(name)!.value * 100),
        }));
      return {
        table: { capability: rows(CAPABILITIES), combination: rows([...combinations]) },
        headline: { name: 'Overall', value: groups.get('Overall')!.value * 100, best: 100 },
      };
    },
  };
}
