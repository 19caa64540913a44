/** A token and the natural logarithm of its probability. */
export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
}

/** A chosen token with the most probable ones at its place. */
export interface TokenLogprobs extends TokenLogprob {
  /** Descending; equal ones by ascending id. */
  readonly top: readonly TokenLogprob[];
}

/** A token of an answer. */
export interface GeneratedToken {
  readonly id: number;
  /** Where `logprobs` was asked for. */
  readonly logprobs?: TokenLogprobs;
}

/** What `log_softmax` subtracts from every score of a row. */
export function logNormalizer(scores: Float32Array): number {
  let best = -Infinity;
  for (const score of scores) if (score > best) best = score;
  let total = 0;
  for (const score of scores) total += Math.exp(score - best);
  return best + Math.log(total);
}

/**
 * Log-probabilities of a row as the model gives it, before penalties, temperature and cuts.
 *
 * @param count - how many of the best to name
 */
export function describeRow(scores: Float32Array, count: number): (id: number) => TokenLogprobs {
  const shift = logNormalizer(scores);
  const top = bestIds(scores, count).map((id) => ({ id, logprob: scores[id]! - shift }));
  const raw = scores.slice();
  return (id) => ({ id, logprob: raw[id]! - shift, top });
}

/** Ids of the `count` best scores, descending; equal scores by ascending id. */
function bestIds(scores: Float32Array, count: number): readonly number[] {
  const best: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (best.length === count && !(score > scores[best.at(-1)!]!)) continue;
    if (best.length === count) best.pop();
    let at = best.length;
    while (at > 0 && scores[best[at - 1]!]! < score) at--;
    best.splice(at, 0, id);
  }
  return best;
}
