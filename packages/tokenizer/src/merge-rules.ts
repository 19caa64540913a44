import { NO_TOKEN, type Vocabulary } from './vocabulary.js';

/** Rank of a pair that is never merged; greater than any real rank. */
export const NO_MERGE = 0x7fffffff;

/** Ranks stay below this, so that a rank and a position in a short piece fit one 32-bit number. */
export const MAX_MERGES: number = 2 ** 24 - 1;

/** Which neighbouring tokens merge, and which first. */
export interface MergeRules {
  /** Rank of joining two tokens, lowest first; `NO_MERGE` when they do not merge. */
  rank(left: number, right: number): number;
  /** The token that a merge of this rank makes. */
  tokenOf(rank: number): number;
}

const UNKNOWN = -1;
const SINGLE_BYTES = 256;
const MEMO_BITS = 16;

/**
 * Rank-file rule (tiktoken): two tokens merge when their bytes together are a token, and its id is the rank.
 *
 * Answers are remembered: exactly for pairs of ids below 256, which single bytes have in every rank file, and in a
 * table of fixed size, overwritten on collision, for the rest.
 */
export class RankMerges implements MergeRules {
  private readonly vocabulary: Vocabulary;
  private readonly bytePairs: Int32Array = new Int32Array(SINGLE_BYTES * SINGLE_BYTES).fill(UNKNOWN);
  private readonly memo: Int32Array = new Int32Array(3 * 2 ** MEMO_BITS).fill(UNKNOWN);

  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
  }

  rank(left: number, right: number): number {
    if ((left | right) < SINGLE_BYTES) {
      const index = (left << 8) | right;
      const known = this.bytePairs[index]!;
      return known === UNKNOWN ? (this.bytePairs[index] = this.look(left, right)) : known;
    }
    const { memo } = this;
    const slot = 3 * pairHash(left, right, 32 - MEMO_BITS);
    if (memo[slot] === left && memo[slot + 1] === right) return memo[slot + 2]!;
    memo[slot] = left;
    memo[slot + 1] = right;
    return (memo[slot + 2] = this.look(left, right));
  }

  tokenOf(rank: number): number {
    return rank;
  }

  private look(left: number, right: number): number {
    const id = this.vocabulary.findPair(left, right);
    return id === NO_TOKEN ? NO_MERGE : id;
  }
}

/** Merge-list rule (Hugging Face `tokenizers`): the place of a pair in the list is its rank. */
export class ListedMerges implements MergeRules {
  private readonly merged: Int32Array;
  /** Open-addressed table of left id, right id, rank + 1. */
  private readonly slots: Int32Array;
  private readonly shift: number;

  /** @param pairs - left id, right id and merged id of each merge, in rank order, one after another */
  constructor(pairs: Int32Array) {
    const count = pairs.length / 3;
    const bits = Math.max(4, 33 - Math.clz32(count));
    this.slots = new Int32Array(3 * 2 ** bits);
    this.shift = 32 - bits;
    this.merged = new Int32Array(count);
    for (let rank = 0; rank < count; rank++) {
      this.merged[rank] = pairs[3 * rank + 2]!;
      this.insert(pairs[3 * rank]!, pairs[3 * rank + 1]!, rank);
    }
  }

  rank(left: number, right: number): number {
    const { slots } = this;
    for (let slot = 3 * pairHash(left, right, this.shift); ; slot = this.next(slot)) {
      if (slots[slot + 2] === 0) return NO_MERGE;
      if (slots[slot] === left && slots[slot + 1] === right) return slots[slot + 2]! - 1;
    }
  }

  tokenOf(rank: number): number {
    return this.merged[rank]!;
  }

  /** A pair listed twice keeps its last place, as in the reference. */
  private insert(left: number, right: number, rank: number): void {
    const { slots } = this;
    let slot = 3 * pairHash(left, right, this.shift);
    while (slots[slot + 2] !== 0 && (slots[slot] !== left || slots[slot + 1] !== right)) slot = this.next(slot);
    slots[slot] = left;
    slots[slot + 1] = right;
    slots[slot + 2] = rank + 1;
  }

  private next(slot: number): number {
    return slot + 3 === this.slots.length ? 0 : slot + 3;
  }
}

function pairHash(left: number, right: number, shift: number): number {
  return Math.imul(Math.imul(left, 0x85ebca6b) ^ right, 0x9e3779b1) >>> shift;
}
