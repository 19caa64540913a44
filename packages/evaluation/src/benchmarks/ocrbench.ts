import { listItems } from '../python/literal.js';
import { textOf } from '../data/sample.js';
import { openQuestionPrompt } from '../prompts/builders.js';
import { containsAnswer } from '../scoring/contains-answer.js';
import type { Aggregator, Benchmark } from './benchmark.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

const MATHEMATICS = 'Handwritten Mathematical Expression Recognition';
const TEXT_RECOGNITION = [
  'Regular Text Recognition',
  'Irregular Text Recognition',
  'Artistic Text Recognition',
  'Handwriting Recognition',
  'Digit String Recognition',
  'Non-Semantic Text Recognition',
];
const OTHERS = ['Scene Text-centric VQA', 'Doc-oriented VQA', 'Key Information Extraction', MATHEMATICS];

/** OCRBench: 1000 questions on reading, one point each. Source: VLMEvalKit, `image_vqa.py` `OCRBench`. */
export const ocrBench: Benchmark = vlmEvalKitBenchmark({
  name: 'OCRBench',
  title: 'Text recognition, text-centric questions, key information, handwritten mathematics',
  maxNewTokens: 1024,
  prompt: openQuestionPrompt,
  score(row, prediction) {
    const kind = row.cells['category'] === MATHEMATICS ? 'mathematics' : 'text';
    const score = containsAnswer(listItems(textOf(row, 'answer')), prediction, kind) ? 1 : 0;
    return { value: score, details: { score } };
  },
  aggregator: points,
  resampling: { stratum: (row) => textOf(row, 'category') },
});

function points(): Aggregator {
  const byCategory = new Map<string, number>();
  const sum = (names: readonly string[]): number =>
    names.reduce((total, name) => total + (byCategory.get(name) ?? 0), 0);
  return {
    add(row, { value }) {
      const category = textOf(row, 'category');
      byCategory.set(category, (byCategory.get(category) ?? 0) + (value ?? 0));
    },
    result() {
      const final = sum([...TEXT_RECOGNITION, ...OTHERS]);
      const table = {
        'Text Recognition': sum(TEXT_RECOGNITION),
        ...Object.fromEntries(OTHERS.map((name) => [name, sum([name])])),
        'Final Score': final,
        'Final Score Norm': final / 10,
      };
      return { table, headline: { name: 'Final Score', value: final, best: 1000 } };
    },
  };
}
