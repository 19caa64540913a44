import { codePointLength, codePoints, splitWords } from '../python/text.js';

/**
 * Fewest insertions, deletions and substitutions that turn one text into the other, each costing 1;
 * the symbols are code points.
 * Memory is one row of the shorter text.
 */
export function levenshteinDistance(left: string, right: string): number {
  return sequenceDistance(codePoints(left), codePoints(right));
}

/** The same, with whole words as the symbols. */
export function wordDistance(left: readonly string[], right: readonly string[]): number {
  const numbers = new Map<string, number>();
  const toNumber = (word: string): number => {
    const number = numbers.get(word) ?? numbers.size;
    numbers.set(word, number);
    return number;
  };
  return sequenceDistance(left.map(toNumber), right.map(toNumber));
}

/**
 * Normalised edit distance of VLMEvalKit: both texts lower-cased with white space collapsed, but divided by the longer
 * length of the *raw upper-cased* texts, so extra spaces (and "ß", which becomes "SS") enlarge the divisor.
 *
 * @source VLMEvalKit, `vqa_eval.py` `anls_compute`
 */
export function normalizedDistance(groundTruth: string, prediction: string): number {
  const distance = levenshteinDistance(collapse(groundTruth), collapse(prediction));
  const longest = Math.max(codePointLength(groundTruth.toUpperCase()), codePointLength(prediction.toUpperCase()));
  return longest === 0 ? 0 : distance / longest;
}

/**
 * Normalised edit distance by the usual definition: divided by the longer *normalised* text.
 *
 * @source Biten et al. 2019, "Scene Text Visual Question Answering"; MiniCPM-V `vqa_evaluate.py` `evaluate_anls`
 */
export function officialNormalizedDistance(groundTruth: string, prediction: string): number {
  const left = collapse(groundTruth);
  const right = collapse(prediction);
  const longest = Math.max(codePointLength(left), codePointLength(right));
  return longest === 0 ? 0 : levenshteinDistance(left, right) / longest;
}

/** Turns distances to the ground truths into an ANLS score: the best similarity, zero below one half. */
export function anlsFromDistances(distances: readonly number[]): number {
  const score = 1 - Math.min(...distances);
  return score < 0.5 ? 0 : score;
}

function collapse(text: string): string {
  return splitWords(text.toLowerCase()).join(' ');
}

function sequenceDistance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  const [short, long] = left.length <= right.length ? [left, right] : [right, left];
  const row = Uint32Array.from({ length: short.length + 1 }, (_, index) => index);
  for (let i = 0; i < long.length; i += 1) {
    let diagonal = row[0]!;
    row[0] = i + 1;
    for (let j = 0; j < short.length; j += 1) {
      const above = row[j + 1]!;
      const changed = long[i] === short[j] ? diagonal : 1 + Math.min(diagonal, above, row[j]!);
      row[j + 1] = changed;
      diagonal = above;
    }
  }
  return row[short.length]!;
}
