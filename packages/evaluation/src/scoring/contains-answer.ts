import { strip } from '../python/text.js';

/**
 * OCRBench's rule: any ground truth inside the prediction. Handwritten mathematics is compared with all spaces removed
 * and case kept, everything else lower-cased; newlines count as spaces.
 *
 * @source VLMEvalKit, `image_vqa.py` `OCRBench.evaluate`
 */
export function containsAnswer(answers: readonly string[], prediction: string, kind: 'text' | 'mathematics'): boolean {
  const normalize = kind === 'text' ? normalizeText : normalizeMathematics;
  const normalized = normalize(prediction);
  return answers.some((answer) => normalized.includes(normalize(answer)));
}

function normalizeText(text: string): string {
  return strip(text.toLowerCase()).replaceAll('\n', ' ');
}

function normalizeMathematics(text: string): string {
  return strip(text).replaceAll(/[\n ]/g, '');
}
