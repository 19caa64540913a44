import { textOf } from '../data/sample.js';
import type { AskJudge } from '../judging/judge.js';
import { plainPrompt } from '../prompts/builders.js';
import { judgePrompt } from '../prompts/judge.js';
import { parseLlavaReview } from '../scoring/judge-replies.js';
import { RunningMean } from '../scoring/mean.js';
import { roundToTenth } from '../scoring/rounding.js';
import {
  figure,
  type Aggregator,
  type Benchmark,
  type Json,
  type JudgedSample,
  type SampleScore,
} from './benchmark.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

const TEMPERATURE = 0.2;
const SYSTEM = 'You are a helpful and precise assistant for checking the quality of the answer.';
const BEST = 10;

/**
 * LLaVA-Bench in the wild: a judge gives points to a reference answer and to the model's; the headline is the model's share
 * of the reference's, which can exceed 100. Source: VLMEvalKit, `llavabench.py`.
 */
export const llavaBench: Benchmark = vlmEvalKitBenchmark({
  name: 'LLaVABench',
  title: 'Conversations, descriptions and reasoning, graded beside a reference answer',
  agreement: 'judge',
  maxNewTokens: 1024,
  prompt: plainPrompt,
  score: () => ({ value: null, isUnmatched: true, details: {} }),
  judging: { role: 'grade', score: gradeLlava },
  aggregator: llavaTable,
});

async function gradeLlava({ row, prediction }: JudgedSample, ask: AskJudge): Promise<SampleScore> {
  const prompt = judgePrompt('llavabench', row, prediction);
  const scores = parseLlavaReview(await ask({ prompt, system: SYSTEM, temperature: TEMPERATURE, attempt: 0 }));
  const [, model] = scores;
  return { value: Math.max(0, model) / BEST, isUnmatched: model === -1, details: { scores } };
}

interface Points {
  readonly reference: RunningMean;
  readonly model: RunningMean;
}

// A review that cannot be read is -1 for both, and averaged in: so it is in the original.
function llavaTable(): Aggregator {
  const groups = new Map<string, Points>();
  return {
    add(row, { details }) {
      const { scores } = details;
      if (!Array.isArray(scores)) return;
      for (const name of new Set(['overall', textOf(row, 'category')])) {
        const points = groups.get(name) ?? { reference: new RunningMean(), model: new RunningMean() };
        groups.set(name, points);
        points.reference.add(Number(scores[0]));
        points.model.add(Number(scores[1]));
      }
    },
    result() {
      const table = [...groups.keys()].sort().map((split): Json => {
        const { reference, model } = groups.get(split)!;
        return {
          split,
          'Relative Score (main)': rounded(relative(groups.get(split)!)),
          'VLM Score': rounded(model.value * BEST),
          'GPT4 Score': rounded(reference.value * BEST),
        };
      });
      const overall = groups.get('overall');
      const value = overall === undefined ? Number.NaN : relative(overall);
      return { table, headline: { name: 'Relative Score', value, best: 100 } };
    },
  };
}

function relative({ reference, model }: Points): number {
  return (model.value / reference.value) * 100;
}

function rounded(value: number): Json {
  return figure(roundToTenth(value));
}
