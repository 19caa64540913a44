import { MergeQueue, keyOf, positionOfKey, rankOfKey } from './merge-queue.js';
import { NO_MERGE, type MergeRules } from './merge-rules.js';
import { RankBuckets } from './rank-buckets.js';

/** Memory of pieces up to this many bytes is kept for the next one. */
export const MAX_KEPT_BYTES: number = 2 ** 16;

/**
 * Merges one long piece, in steps of bounded work. The parts are a doubly linked list over the positions of their first
 * bytes. A new pair almost always ranks above the pair that made it, so pairs wait in buckets by rank, which are emptied
 * from the lowest up; the few that rank lower wait in a queue that goes first. The order is that of the definition:
 * lowest rank, then leftmost.
 */
export class LongPieceMerge {
  private readonly merges: MergeRules;
  private readonly buckets: RankBuckets;
  private readonly early: MergeQueue = new MergeQueue();
  private ids: Int32Array = new Int32Array(0);
  private next: Int32Array = new Int32Array(0);
  private previous: Int32Array = new Int32Array(0);
  /** Rank of joining each part with the next one; `NO_MERGE` for parts that are gone. */
  private ranks: Int32Array = new Int32Array(0);
  private length = 0;
  /** Pairs up to here have been rated for the first time. */
  private rated = 0;
  /** Rank of the bucket that is being emptied, and how far. */
  private rank = -1;
  private index = 0;

  constructor(merges: MergeRules) {
    this.merges = merges;
    this.buckets = new RankBuckets(merges.rankCount);
  }

  /** Bytes for which there is memory. */
  get capacity(): number {
    return this.ids.length;
  }

  /** Begins with the single bytes of a piece. */
  start(bytes: Uint8Array, length: number, byteIds: Int32Array): void {
    if (this.ids.length < length) {
      this.ids = new Int32Array(length);
      this.next = new Int32Array(length);
      this.previous = new Int32Array(length);
      this.ranks = new Int32Array(length);
    }
    const { ids, next, previous } = this;
    for (let i = 0; i < length; i++) {
      ids[i] = byteIds[bytes[i]!]!;
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    this.length = length;
    this.rated = 0;
    this.rank = -1;
    this.index = 0;
    // A merge takes one entry out and puts at most two in, so there are never more than two for each byte.
    this.buckets.start(2 * length);
    this.buckets.takenCount = 0;
  }

  /** Goes on for so many steps; says whether the piece is done. */
  run(steps: number): boolean {
    const { ranks, early, buckets, merges } = this;
    let left = steps;
    for (; this.rated < this.length && left > 0; left--) this.rate(this.rated++);
    for (; left > 0; left--) {
      let { rank } = this;
      let position: number;
      if (this.index < buckets.takenCount) {
        position = buckets.taken[this.index]!;
        if (early.length > 0 && early.peek() < keyOf(rank, position)) {
          const key = early.pop();
          rank = rankOfKey(key);
          position = positionOfKey(key);
        } else this.index++;
      } else if (early.length > 0) {
        const key = early.pop();
        rank = rankOfKey(key);
        position = positionOfKey(key);
      } else {
        this.rank = buckets.takeLowest();
        this.index = 0;
        if (this.rank < 0) return true;
        continue;
      }
      // Entries are not taken out when a neighbour merges: those whose rank is no longer true are passed over.
      if (ranks[position] !== rank) continue;
      this.join(position, merges.tokenOf(rank));
      if (position > 0) this.rate(this.previous[position]!);
      this.rate(position);
    }
    return false;
  }

  /** Calls `take` with each id of the finished piece. */
  collect(out: { push(id: number): void }): void {
    const { ids, next, length } = this;
    for (let position = 0; position < length; position = next[position]!) out.push(ids[position]!);
  }

  /** Replaces the part at `position` and the one after it by `id`. */
  private join(position: number, id: number): void {
    const { next, ranks } = this;
    const gone = next[position]!;
    const after = next[gone]!;
    this.ids[position] = id;
    next[position] = after;
    ranks[gone] = NO_MERGE;
    if (after < this.length) this.previous[after] = position;
  }

  private rate(position: number): void {
    const { ids } = this;
    const right = this.next[position]!;
    const rank = right < this.length ? this.merges.rank(ids[position]!, ids[right]!) : NO_MERGE;
    this.ranks[position] = rank;
    if (rank === NO_MERGE) return;
    if (rank > this.rank) this.buckets.put(rank, position);
    else this.early.push(rank, position);
  }
}
