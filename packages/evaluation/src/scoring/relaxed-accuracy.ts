import { parsePythonFloat } from '../python/number.js';
import { strip } from '../python/text.js';
import type { Profile } from './profile.js';

const TOLERANCE = 0.05;

/**
 * ChartQA's relaxed match: numbers within 5 % of the target (`eval_mm` has the two arguments swapped, so 5 % of the
 * prediction), anything else equal but for case. A target of 0 is compared as text.
 *
 * @param prediction - white space at its ends is ignored; the target's is not
 * @source Google pix2struct, `metrics.py`; VLMEvalKit, `vqa_eval.py` `relaxed_correctness`
 */
export function relaxedMatch(target: string, prediction: string, profile: Profile): boolean {
  const stripped = strip(prediction);
  return profile === 'current' ? isClose(target, stripped) : isClose(stripped, target);
}

function isClose(reference: string, candidate: string): boolean {
  const candidateValue = toNumber(candidate);
  const referenceValue = toNumber(reference);
  if (candidateValue !== undefined && referenceValue !== undefined && referenceValue !== 0) {
    return Math.abs(candidateValue - referenceValue) / Math.abs(referenceValue) <= TOLERANCE;
  }
  return candidate.toLowerCase() === reference.toLowerCase();
}

function toNumber(text: string): number | undefined {
  if (!text.endsWith('%')) return parsePythonFloat(text);
  const value = parsePythonFloat(text.replace(/%+$/, ''));
  return value === undefined ? undefined : value / 100;
}
