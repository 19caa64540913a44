import type { IdList } from './id-list.js';
import { LongPieceMerge, MAX_KEPT_BYTES } from './long-piece-merge.js';
import { NO_MERGE, type MergeRules } from './merge-rules.js';
import { MAX_BYTES_PER_UNIT, writeUtf8 } from './utf8.js';
import { NO_TOKEN, type Vocabulary } from './vocabulary.js';

/** Up to this many bytes a scan for the lowest rank beats buckets. */
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
  private longMerge: LongPieceMerge | undefined;
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
  encode(text: string, start: number, end: number, out: IdList): void {
    const capacity = (end - start) * MAX_BYTES_PER_UNIT;
    const bytes = capacity <= SCRATCH_BYTES ? this.scratch : new Uint8Array(capacity);
    const length = writeUtf8(text, start, end, bytes);
    const whole = this.findWhole(bytes, length);
    if (whole !== NO_TOKEN) out.push(whole);
    else if (length <= MAX_SCANNED_BYTES) this.mergeByScan(bytes, length, out);
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
