import { strip } from '../python/text.js';
import { mean } from './mean.js';
import type { Profile } from './profile.js';
import { normalizeAnswer, normalizeWords, stripPunctuation } from './vqa-normalize.js';

/** Score of one answer against the answers of several people. */
export interface VqaAccuracy {
  /** Mean of `match`, 0..1. */
  readonly score: number;
  /** For each person i: min(1, equal answers among the *other* people / 3). */
  readonly match: readonly number[];
  readonly normalizedPrediction: string;
}

/**
 * VQA accuracy: with ten answers, four or more equal give 1, three 0.9, two 0.6, one 0.3; a single answer gives 0.
 *
 * @source VLMEvalKit, `vqa_eval.py` `process_line` with method `vqa_score`
 */
export function vqaAccuracy(answers: readonly string[], prediction: string, profile: Profile): VqaAccuracy {
  const truths = answers.map((answer) => normalizeAnswer(answer, profile));
  return compare(truths, normalizeAnswer(prediction, profile));
}

/**
 * VQA accuracy of the program that the published MiniCPM-V figures for TextVQA come from: it strips only the
 * prediction before the punctuation step, and applies the full-stop rule of `eval_mm`.
 *
 * @source OpenBMB/MiniCPM-V, `eval_mm/vqaeval/eval_utils/vqa_evaluate.py` `evaluate_vqa_human`
 */
export function openbmbVqaAccuracy(answers: readonly string[], prediction: string): number {
  const truths = answers.map((answer) => normalizeWords(stripPunctuation(answer, 'eval_mm')));
  const stripped = strip(prediction.replaceAll(/[\n\t]/g, ' '));
  const { match } = compare(truths, normalizeWords(stripPunctuation(stripped, 'eval_mm')));
  return match.length === 0 ? 0 : mean(match);
}

function compare(truths: readonly string[], normalizedPrediction: string): VqaAccuracy {
  const equal = truths.filter((truth) => truth === normalizedPrediction).length;
  const match = truths.map((truth) => Math.min(1, (truth === normalizedPrediction ? equal - 1 : equal) / 3));
  return { score: mean(match), match, normalizedPrediction };
}
