import type { IdList } from './id-list.js';
import { LongPieceMerge, MAX_KEPT_BYTES } from './long-piece-merge.js';
import { NO_MERGE, type MergeRules } from './merge-rules.js';
import { MAX_BYTES_PER_UNIT, writeUtf8 } from './utf8.js';
import { NO_TOKEN, type Vocabulary } from './vocabulary.js';

/** Up to this many bytes a scan for the lowest rank beats buckets. */
const SCAN_POSITION_BITS = 7;
const MAX_SCANNED_BYTES: number = 2 ** SCAN_POSITION_BITS;
/** Ranks below this fit one 32-bit number with a position. */
const MAX_SCANNED_RANKS: number = 2 ** (31 - SCAN_POSITION_BITS) - 1;
const NO_KEY = 0x7fffffff;
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
  private readonly maxScanned: number;
  private longMerge: LongPieceMerge | undefined;
  private readonly scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES);
  /** Parts of a short piece by the positions of their first bytes, linked both ways. */
  private readonly ids: Int32Array = new Int32Array(MAX_SCANNED_BYTES);
  private readonly next: Int32Array = new Int32Array(MAX_SCANNED_BYTES);
  private readonly previous: Int32Array = new Int32Array(MAX_SCANNED_BYTES);
  /** Rank and position of joining each part with the next one, in one number. */
  private readonly keys: Int32Array = new Int32Array(MAX_SCANNED_BYTES);

  /** @param ignoresMerges - whether a piece that is a token is taken whole, without asking the merges */
  constructor(vocabulary: Vocabulary, merges: MergeRules, ignoresMerges: boolean) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.ignoresMerges = ignoresMerges;
    this.maxScanned = merges.rankCount <= MAX_SCANNED_RANKS ? MAX_SCANNED_BYTES : 0;
  }

  /** Appends the ids of `text[start, end)` to `out`. A part of a piece is never taken whole without asking the merges. */
  encode(text: string, start: number, end: number, out: IdList, isPart: boolean): void {
    const capacity = (end - start) * MAX_BYTES_PER_UNIT;
    const bytes = capacity <= SCRATCH_BYTES ? this.scratch : new Uint8Array(capacity);
    const length = writeUtf8(text, start, end, bytes);
    const whole = isPart ? NO_TOKEN : this.findWhole(bytes, length);
    if (whole !== NO_TOKEN) out.push(whole);
    else if (length <= this.maxScanned) this.mergeByScan(bytes, length, out);
    else this.mergeLong(bytes, length, out);
  }

  /** The same for a long piece, pausing after every `steps` steps of merging. */
  *encodeInSteps(text: string, start: number, end: number, out: IdList, steps: number): Generator<void, void, void> {
    const bytes = new Uint8Array((end - start) * MAX_BYTES_PER_UNIT);
    const length = writeUtf8(text, start, end, bytes);
    const whole = this.findWhole(bytes, length);
    if (whole !== NO_TOKEN) {
      out.push(whole);
      return;
    }
    const merge = this.takeLongMerge();
    merge.start(bytes, length, this.vocabulary.byteIds);
    while (!merge.run(steps)) yield;
    merge.collect(out);
    this.keepLongMerge(merge);
  }

  private findWhole(bytes: Uint8Array, length: number): number {
    return this.ignoresMerges ? this.vocabulary.find(bytes, length) : NO_TOKEN;
  }

  private mergeByScan(bytes: Uint8Array, length: number, out: IdList): void {
    const { ids, keys, next, previous, merges } = this;
    const { byteIds } = this.vocabulary;
    for (let i = 0; i < length; i++) {
      ids[i] = byteIds[bytes[i]!]!;
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    for (let i = 0; i + 1 < length; i++) keys[i] = scanKey(merges.rank(ids[i]!, ids[i + 1]!), i);
    keys[length - 1] = NO_KEY;
    for (;;) {
      let lowest = NO_KEY;
      for (let i = 0; i < length; i++) {
        const key = keys[i]!;
        lowest = key < lowest ? key : lowest;
      }
      if (lowest === NO_KEY) break;
      const at = lowest & (MAX_SCANNED_BYTES - 1);
      const gone = next[at]!;
      const after = next[gone]!;
      ids[at] = merges.tokenOf(lowest >> SCAN_POSITION_BITS);
      next[at] = after;
      keys[gone] = NO_KEY;
      keys[at] = NO_KEY;
      if (after < length) {
        previous[after] = at;
        keys[at] = scanKey(merges.rank(ids[at]!, ids[after]!), at);
      }
      const before = previous[at]!;
      if (before >= 0) keys[before] = scanKey(merges.rank(ids[before]!, ids[at]!), before);
    }
    for (let i = 0; i < length; i = next[i]!) out.push(ids[i]!);
  }

  private mergeLong(bytes: Uint8Array, length: number, out: IdList): void {
    const merge = this.takeLongMerge();
    merge.start(bytes, length, this.vocabulary.byteIds);
    merge.run(Infinity);
    merge.collect(out);
    this.keepLongMerge(merge);
  }

  private takeLongMerge(): LongPieceMerge {
    const merge = this.longMerge ?? new LongPieceMerge(this.merges);
    // Not shared while it runs: others may encode between its steps, and a run that is given up leaves it half-way.
    this.longMerge = undefined;
    return merge;
  }

  private keepLongMerge(merge: LongPieceMerge): void {
    if (merge.capacity <= MAX_KEPT_BYTES) this.longMerge = merge;
  }
}

function scanKey(rank: number, position: number): number {
  return rank === NO_MERGE ? NO_KEY : (rank << SCAN_POSITION_BITS) | position;
}
