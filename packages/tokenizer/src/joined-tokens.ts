import { NO_MERGE, type MergeRules } from './merge-rules.js';
import type { Vocabulary } from './vocabulary.js';

const SLOT_BITS = 16;
const INITIAL_CAPACITY = 256;

/**
 * What two neighbouring tokens become when their bytes are merged anew. Answers are remembered in a table of fixed size
 * (768 KB), overwritten on collision.
 */
export class JoinedTokens {
  private readonly vocabulary: Vocabulary;
  private readonly merges: MergeRules;
  /** Left id + 1, right id, last id. */
  private readonly memo: Int32Array = new Int32Array(3 * 2 ** SLOT_BITS);
  /** Parts that are being merged, and the rank of joining each with the next. */
  private ids: Int32Array = new Int32Array(INITIAL_CAPACITY);
  private ranks: Int32Array = new Int32Array(INITIAL_CAPACITY);

  constructor(vocabulary: Vocabulary, merges: MergeRules) {
    this.vocabulary = vocabulary;
    this.merges = merges;
  }

  /** The last of the tokens; it is `right` exactly when the two stay as they are. */
  last(left: number, right: number): number {
    const { memo } = this;
    const slot = 3 * (Math.imul(Math.imul(left, 0x85ebca6b) ^ right, 0x9e3779b1) >>> (32 - SLOT_BITS));
    if (memo[slot] === left + 1 && memo[slot + 1] === right) return memo[slot + 2]!;
    memo[slot] = left + 1;
    memo[slot + 1] = right;
    return (memo[slot + 2] = this.merge(left, right));
  }

  private merge(left: number, right: number): number {
    const { merges } = this;
    let count = this.append(right, this.append(left, 0));
    const { ids, ranks } = this;
    for (let i = 0; i + 1 < count; i++) ranks[i] = merges.rank(ids[i]!, ids[i + 1]!);
    for (;;) {
      let at = -1;
      let lowest = NO_MERGE;
      for (let i = 0; i + 1 < count; i++) {
        if (ranks[i]! >= lowest) continue;
        lowest = ranks[i]!;
        at = i;
      }
      if (at < 0) return ids[count - 1]!;
      ids[at] = merges.tokenOf(lowest);
      count--;
      for (let i = at + 1; i < count; i++) {
        ids[i] = ids[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      if (at > 0) ranks[at - 1] = merges.rank(ids[at - 1]!, ids[at]!);
      if (at + 1 < count) ranks[at] = merges.rank(ids[at]!, ids[at + 1]!);
    }
  }

  /** Writes the single bytes of a token behind `count` others. */
  private append(token: number, count: number): number {
    const { bytes, starts, byteIds } = this.vocabulary;
    const start = starts[token]!;
    const length = starts[token + 1]! - start;
    if (count + length > this.ids.length) this.grow(count + length);
    for (let i = 0; i < length; i++) this.ids[count + i] = byteIds[bytes[start + i]!]!;
    return count + length;
  }

  private grow(least: number): void {
    const ids = new Int32Array(2 * least);
    ids.set(this.ids);
    this.ids = ids;
    this.ranks = new Int32Array(2 * least);
  }
}
