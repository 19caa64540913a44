import { BackendError } from '@pocketlens/backend';
import type { Random } from './random.js';

/** How the next token is drawn. */
export interface SamplingSettings {
  /** Above 0. */
  readonly temperature: number;
  /** Best tokens kept; 0 keeps all. */
  readonly topK: number;
  /** Probability mass kept, in (0, 1]. */
  readonly topP: number;
}

interface Candidate {
  readonly id: number;
  readonly score: number;
}

/** Index of the largest score; the first of equals. -1 when a score is not finite. */
export function argmax(scores: Float32Array): number {
  let best = 0;
  let top = -Infinity;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (score > top) {
      top = score;
      best = id;
    } else if (Number.isNaN(score)) return -1;
  }
  return Number.isFinite(top) ? best : -1;
}

/**
 * Divides positive and multiplies negative scores of the given tokens by the penalty, in place.
 *
 * @source Keskar et al., "CTRL" (2019), section 4.1; transformers, `RepetitionPenaltyLogitsProcessor`
 */
export function penalizeRepetition(scores: Float32Array, ids: Iterable<number>, penalty: number): void {
  const factor = Math.fround(penalty);
  for (const id of new Set(ids)) {
    const score = scores[id]!;
    scores[id] = score < 0 ? score * factor : score / factor;
  }
}

/** Takes tokens out of the choice, in place. */
export function forbid(scores: Float32Array, ids: Iterable<number>): void {
  // Ids outside of the vocabulary cannot be chosen anyway: writing to them does nothing.
  for (const id of ids) scores[id] = -Infinity;
}

/** Throws `BackendError` `BACKEND_FAILED` for scores that are not finite: the answer would be noise. */
export function checkFinite(scores: Float32Array, step: number): void {
  if (argmax(scores) >= 0) return;
  throw new BackendError('BACKEND_FAILED', `logits not finite at step ${step}`, {
    hint: 'The weights are damaged or overflow in this dtype: verify the model, or choose fp32.',
    details: { step },
  });
}

/**
 * The tokens that may be drawn, with their probabilities: temperature, then top-k, then top-p.
 *
 * @returns descending by probability, equal ones by ascending id; the probabilities sum to 1
 * @source Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020); transformers, `logits_process.py`
 */
export function candidateProbabilities(
  scores: Float32Array,
  { temperature, topK, topP }: SamplingSettings,
): readonly { readonly id: number; readonly probability: number }[] {
  const best = scores[argmax(scores)]!;
  const weight = (score: number): number => Math.exp((score - best) / temperature);
  let kept = keepTopK(scores, topK);
  let weights = kept.map(({ score }) => weight(score));
  let total = weights.reduce((sum, value) => sum + value, 0);
  if (topP < 1) {
    // Tokens below this share hold less than 1 - topP together, so the nucleus lies among the others.
    const floor = ((1 - topP) * total) / kept.length;
    kept = kept.filter((_, index) => weights[index]! >= floor);
  }
  kept = kept.toSorted((a, b) => b.score - a.score || a.id - b.id);
  weights = kept.map(({ score }) => weight(score));
  if (topP < 1) {
    const size = nucleusSize(weights, topP * total);
    kept = kept.slice(0, size);
    weights = weights.slice(0, size);
  }
  total = weights.reduce((sum, value) => sum + value, 0);
  return kept.map(({ id }, index) => ({ id, probability: weights[index]! / total }));
}

/** Draws a token. */
export function sampleToken(scores: Float32Array, settings: SamplingSettings, random: Random): number {
  const candidates = candidateProbabilities(scores, settings);
  let rest = random();
  for (const { id, probability } of candidates) {
    rest -= probability;
    if (rest < 0) return id;
  }
  // Rounding can leave a hair of the unit interval: it belongs to the most probable token.
  return candidates[0]!.id;
}

/** How many of the descending weights it takes to reach `mass`; at least one. */
function nucleusSize(weights: readonly number[], mass: number): number {
  let sum = 0;
  const last = weights.findIndex((value) => {
    sum += value;
    return sum >= mass;
  });
  return last < 0 ? weights.length : last + 1;
}

/** The `count` best scores, ties by ascending id, in no particular order; all of them when `count` is 0. */
function keepTopK(scores: Float32Array, count: number): readonly Candidate[] {
  const all = count === 0 || count >= scores.length;
  const floor = all ? -Infinity : kthLargest(scores, count);
  const kept: Candidate[] = [];
  const ties: Candidate[] = [];
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (score > floor || all) kept.push({ id, score });
    else if (score === floor) ties.push({ id, score });
  }
  return all ? kept : [...kept, ...ties.slice(0, count - kept.length)];
}

/** Up to here keeping a short sorted list beats sorting the vocabulary by far. */
const MOST_LISTED = 256;

function kthLargest(scores: Float32Array, k: number): number {
  if (k > MOST_LISTED) return Float32Array.from(scores).sort()[scores.length - k]!;
  const listed = new Float32Array(k).fill(-Infinity);
  for (const score of scores) {
    if (!(score > listed[k - 1]!)) continue;
    let at = k - 1;
    for (; at > 0 && listed[at - 1]! < score; at--) listed[at] = listed[at - 1]!;
    listed[at] = score;
  }
  return listed[k - 1]!;
}
