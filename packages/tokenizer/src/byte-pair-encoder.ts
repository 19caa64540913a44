import { MergeQueue, positionOfKey, rankOfKey } from './merge-queue.js';
import { NO_MERGE, type MergeRules } from './merge-rules.js';
import { MAX_BYTES_PER_UNIT, writeUtf8 } from './utf8.js';
import { NO_TOKEN, type Vocabulary } from './vocabulary.js';

/** Up to this many bytes a scan for the lowest rank beats a queue. */
const MAX_SCANNED_BYTES = 128;
const SCRATCH_BYTES = 4096;

/**
 * Turns one piece of text into token ids: from single bytes, the neighbours of lowest rank are joined, leftmost first,
 * until none can be.
 *
 * @source Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units"; openai/tiktoken, `src/lib.rs`
 */
export class BytePairEncoder {
  private readonly vocabulary: Vocabulary;
  private readonly merges: MergeRules;
  private readonly ignoresMerges: boolean;
  private readonly scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES);
  private readonly parts: Int32Array = new Int32Array(MAX_SCANNED_BYTES);
  private readonly ranks: Int32Array = new Int32Array(MAX_SCANNED_BYTES);

  /** @param ignoresMerges - whether a piece that is a token is taken whole, without asking the merges */
  constructor(vocabulary: Vocabulary, merges: MergeRules, ignoresMerges: boolean) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.ignoresMerges = ignoresMerges;
  }

  /** Appends the ids of `text[start, end)` to `out`. */
  encode(text: string, start: number, end: number, out: number[]): void {
    const capacity = (end - start) * MAX_BYTES_PER_UNIT;
    const bytes = capacity <= SCRATCH_BYTES ? this.scratch : new Uint8Array(capacity);
    const length = writeUtf8(text, start, end, bytes);
    if (this.ignoresMerges) {
      const id = this.vocabulary.find(bytes, length);
      if (id !== NO_TOKEN) {
        out.push(id);
        return;
      }
    }
    if (length <= MAX_SCANNED_BYTES) this.mergeByScan(bytes, length, out);
    else this.mergeByQueue(bytes, length, out);
  }

  private mergeByScan(bytes: Uint8Array, length: number, out: number[]): void {
    const { parts, ranks, merges } = this;
    const { byteIds } = this.vocabulary;
    for (let i = 0; i < length; i++) parts[i] = byteIds[bytes[i]!]!;
    for (let i = 0; i + 1 < length; i++) ranks[i] = merges.rank(parts[i]!, parts[i + 1]!);
    let count = length;
    for (;;) {
      let lowest = NO_MERGE;
      let at = 0;
      for (let i = 0; i + 1 < count; i++) {
        if (ranks[i]! < lowest) {
          lowest = ranks[i]!;
          at = i;
        }
      }
      if (lowest === NO_MERGE) break;
      count--;
      parts[at] = merges.tokenOf(lowest);
      for (let i = at + 1; i < count; i++) {
        parts[i] = parts[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      if (at + 1 < count) ranks[at] = merges.rank(parts[at]!, parts[at + 1]!);
      if (at > 0) ranks[at - 1] = merges.rank(parts[at - 1]!, parts[at]!);
    }
    for (let i = 0; i < count; i++) out.push(parts[i]!);
  }

  /** The same on a linked list with a queue: n log n, for pieces of any length. */
  private mergeByQueue(bytes: Uint8Array, length: number, out: number[]): void {
    const { merges } = this;
    const list = new PartList(bytes, length, this.vocabulary.byteIds);
    // A merge takes one entry out and puts at most two in, so there are never more than two for each byte.
    const queue = new MergeQueue(2 * length);
    const rate = (position: number): void => {
      const right = list.next[position]!;
      const rank = right < length ? merges.rank(list.ids[position]!, list.ids[right]!) : NO_MERGE;
      list.ranks[position] = rank;
      if (rank !== NO_MERGE) queue.push(rank, position);
    };
    for (let position = 0; position < length; position++) rate(position);
    for (let key = queue.pop(); key >= 0; key = queue.pop()) {
      const rank = rankOfKey(key);
      const position = positionOfKey(key);
      // Entries are not taken out when a neighbour merges: those whose rank is no longer true are passed over.
      if (list.ranks[position] !== rank) continue;
      list.join(position, merges.tokenOf(rank));
      rate(position);
      if (position > 0) rate(list.previous[position]!);
    }
    for (let position = 0; position < length; position = list.next[position]!) out.push(list.ids[position]!);
  }
}

/** Tokens of a piece as a doubly linked list over the positions of their first bytes. */
class PartList {
  readonly ids: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** Rank of joining each part with the next one; `NO_MERGE` for parts that are gone. */
  readonly ranks: Int32Array;

  constructor(bytes: Uint8Array, length: number, byteIds: Int32Array) {
    this.ids = new Int32Array(length);
    this.next = new Int32Array(length);
    this.previous = new Int32Array(length);
    this.ranks = new Int32Array(length);
    for (let i = 0; i < length; i++) {
      this.ids[i] = byteIds[bytes[i]!]!;
      this.next[i] = i + 1;
      this.previous[i] = i - 1;
    }
  }

  /** Replaces the part at `position` and the one after it by `id`. */
  join(position: number, id: number): void {
    const gone = this.next[position]!;
    const after = this.next[gone]!;
    this.ids[position] = id;
    this.next[position] = after;
    this.ranks[gone] = NO_MERGE;
    if (after < this.previous.length) this.previous[after] = position;
  }
}
