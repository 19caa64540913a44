import { parsePythonFloat } from '../python/number.js';

const MOST_TRIES = 5;

/**
 * Reads a grader's replies for MM-Vet: the first of five that is a number from 0 to 1, else 0. "nan" is accepted, as in
 * the original. Source: VLMEvalKit, `mmvet.py` `MMVet_auxeval`.
 */
export function parseMmVetReplies(replies: readonly string[]): number {
  const reply = replies.slice(0, MOST_TRIES).find(isMmVetScore);
  return reply === undefined ? 0 : parsePythonFloat(reply)!;
}

/** Says whether a grader's reply for MM-Vet is a score. */
export function isMmVetScore(reply: string): boolean {
  const score = parsePythonFloat(reply);
  return score !== undefined && !(score < 0 || score > 1);
}

/**
 * Reads a grader's review for LLaVA-Bench: two numbers on the first line, separated by a single space or comma; else
 * [-1, -1], which the tool averages in. Source: VLMEvalKit, `llavabench.py` `parse_score`.
 *
 * @returns the scores of the reference and of the model
 */
export function parseLlavaReview(review: string): readonly [reference: number, model: number] {
  const parts = review.split('\n')[0]!.replaceAll(',', ' ').split(' ');
  const [reference, model] = parts.map(parsePythonFloat);
  return parts.length === 2 && reference !== undefined && model !== undefined ? [reference, model] : [-1, -1];
}
