import type { IdList } from './id-list.js';
import { JoinedTokens } from './joined-tokens.js';
import { LongPieceMerge } from './long-piece-merge.js';
import type { MergeRules } from './merge-rules.js';
import { MAX_SHORT_BYTES, ShortPieceMerge } from './short-piece-merge.js';
import { MAX_BYTES_PER_UNIT, writeUtf8 } from './utf8.js';
import { NO_TOKEN, type Vocabulary } from './vocabulary.js';

const SCRATCH_BYTES = 4096;

/**
 * Turns one piece of text into token ids: from single bytes, the neighbours of lowest rank are joined, leftmost first,
 * until none can be.
 *
 * @source Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units"; openai/tiktoken, `src/lib.rs`
 */
export class BytePairEncoder {
  private readonly vocabulary: Vocabulary;
  private readonly ignoresMerges: boolean;
  private readonly short: ShortPieceMerge;
  private readonly joined: JoinedTokens;
  private readonly scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES);

  /** @param ignoresMerges - whether a piece that is a token is taken whole, without asking the merges */
  constructor(vocabulary: Vocabulary, merges: MergeRules, ignoresMerges: boolean) {
    this.vocabulary = vocabulary;
    this.ignoresMerges = ignoresMerges;
    this.short = new ShortPieceMerge(vocabulary, merges);
    this.joined = new JoinedTokens(vocabulary, merges);
  }

  /** Appends the ids of `text[start, end)` to `out`. A part of a piece is never taken whole without asking the merges. */
  encode(text: string, start: number, end: number, out: IdList, isPart: boolean): void {
    const capacity = (end - start) * MAX_BYTES_PER_UNIT;
    const bytes = capacity <= SCRATCH_BYTES ? this.scratch : new Uint8Array(capacity);
    const length = writeUtf8(text, start, end, bytes);
    const whole = isPart ? NO_TOKEN : this.findWhole(bytes, length);
    if (whole !== NO_TOKEN) out.push(whole);
    else if (length <= MAX_SHORT_BYTES) this.mergeShort(bytes, length, out);
    else this.mergeLong(bytes, length, out);
  }

  /** The same for a long piece, pausing after every `steps` bytes. */
  *encodeInSteps(text: string, start: number, end: number, out: IdList, steps: number): Generator<void, void, void> {
    const bytes = new Uint8Array((end - start) * MAX_BYTES_PER_UNIT);
    const length = writeUtf8(text, start, end, bytes);
    const whole = this.findWhole(bytes, length);
    if (whole !== NO_TOKEN) {
      out.push(whole);
      return;
    }
    const merge = this.longMerge(bytes, length);
    while (!merge.run(steps)) yield;
    merge.collect(out);
  }

  private findWhole(bytes: Uint8Array, length: number): number {
    return this.ignoresMerges ? this.vocabulary.find(bytes, length) : NO_TOKEN;
  }

  private mergeShort(bytes: Uint8Array, length: number, out: IdList): void {
    const { short } = this;
    const count = short.merge(bytes, 0, length);
    for (let i = 0; i < count; i++) out.push(short.tokens[i]!);
  }

  private mergeLong(bytes: Uint8Array, length: number, out: IdList): void {
    const merge = this.longMerge(bytes, length);
    merge.run(Infinity);
    merge.collect(out);
  }

  private longMerge(bytes: Uint8Array, length: number): LongPieceMerge {
    const { short, joined, vocabulary } = this;
    return new LongPieceMerge(bytes, length, { short, joined, vocabulary });
  }
}
