import { NO_MERGE, type MergeRules } from './merge-rules.js';
import type { Vocabulary } from './vocabulary.js';

const POSITION_BITS = 7;
/** Bytes that are merged by scanning for the lowest rank; for more this is slow. */
export const MAX_SHORT_BYTES: number = 2 ** POSITION_BITS;
const NO_KEY = 0x7fffffff;

/** Merges few bytes: joins the neighbours of lowest rank, leftmost first, until none can be. */
export class ShortPieceMerge {
  /** The tokens of the last merge. */
  readonly tokens: Int32Array = new Int32Array(MAX_SHORT_BYTES);
  private readonly merges: MergeRules;
  private readonly byteIds: Int32Array;
  /** Parts by the positions of their first bytes, linked both ways. */
  private readonly next: Int32Array = new Int32Array(MAX_SHORT_BYTES);
  private readonly previous: Int32Array = new Int32Array(MAX_SHORT_BYTES);
  /** Rank and position of joining each part with the next one, in one number. */
  private readonly keys: Int32Array = new Int32Array(MAX_SHORT_BYTES);

  constructor(vocabulary: Vocabulary, merges: MergeRules) {
    this.byteIds = vocabulary.byteIds;
    this.merges = merges;
  }

  /** Merges `bytes[start, end)`, at least one and at most `MAX_SHORT_BYTES`; returns the number of `tokens`. */
  merge(bytes: Uint8Array, start: number, end: number): number {
    const { tokens: ids, next, previous, keys, merges, byteIds } = this;
    const length = end - start;
    for (let i = 0; i < length; i++) {
      ids[i] = byteIds[bytes[start + i]!]!;
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    for (let i = 0; i + 1 < length; i++) keys[i] = keyOf(merges.rank(ids[i]!, ids[i + 1]!), i);
    keys[length - 1] = NO_KEY;
    for (;;) {
      let lowest = NO_KEY;
      for (let i = 0; i < length; i++) {
        const key = keys[i]!;
        lowest = key < lowest ? key : lowest;
      }
      if (lowest === NO_KEY) break;
      const at = lowest & (MAX_SHORT_BYTES - 1);
      const gone = next[at]!;
      const after = next[gone]!;
      ids[at] = merges.tokenOf(lowest >> POSITION_BITS);
      next[at] = after;
      keys[gone] = NO_KEY;
      keys[at] = NO_KEY;
      if (after < length) {
        previous[after] = at;
        keys[at] = keyOf(merges.rank(ids[at]!, ids[after]!), at);
      }
      const before = previous[at]!;
      if (before >= 0) keys[before] = keyOf(merges.rank(ids[before]!, ids[at]!), before);
    }
    let count = 0;
    for (let i = 0; i < length; i = next[i]!) ids[count++] = ids[i]!;
    return count;
  }
}

function keyOf(rank: number, position: number): number {
  return rank === NO_MERGE ? NO_KEY : (rank << POSITION_BITS) | position;
}
