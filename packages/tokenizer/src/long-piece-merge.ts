import { IdList } from './id-list.js';
import type { JoinedTokens } from './joined-tokens.js';
import type { ShortPieceMerge } from './short-piece-merge.js';
import type { Vocabulary } from './vocabulary.js';

const WINDOW_BYTES = 48;
/** Bytes at the end of a window, rounded up to whole tokens, that the next one begins with. */
const OVERLAP_BYTES = 12;
/** How often a window is moved back by one more token before another way is taken. */
const MAX_MOVES = 6;

/**
 * Merges one long piece, in steps of bounded work and in linear time.
 *
 * Both ways rest on one fact: tokens are the result of merging exactly when each two neighbours stay as they are when
 * merged alone. (Take the first merge that would cross a border between two tokens. Until then merges happen within
 * tokens, those within the two neighbours in the order that they have alone, so it would cross the border there too.)
 *
 * The piece is merged in windows. Neighbours in the result of a window stay as they are, so two windows may be joined at
 * a token that ends the known part of the first and begins the second. Where that does not come about, as in long runs
 * of one character, the last token is found for each beginning of the piece: a token that ends there stands when it and
 * the last token of what is before it stay as they are, and else the last one of the two merged takes its place. Each
 * time that undoes a border which a merge of the definition crosses, so it ends.
 */
export class LongPieceMerge {
  private readonly short: ShortPieceMerge;
  private readonly joined: JoinedTokens;
  private readonly vocabulary: Vocabulary;
  private readonly bytes: Uint8Array;
  private readonly length: number;
  /** Tokens that windows found so far; they cover the bytes before `from`, at which the next one begins. */
  private readonly found: IdList = new IdList();
  private from = 0;
  /** Where the windows so far ended, what the next one has to begin with, and how often that was not so. */
  private reached = 0;
  private expected = -1;
  private moves = 0;
  /** Last token of the piece up to and with each byte, once windows are given up, and how many are known. */
  private last: Int32Array | undefined;
  private known = 0;

  constructor(
    bytes: Uint8Array,
    length: number,
    { short, joined, vocabulary }: { short: ShortPieceMerge; joined: JoinedTokens; vocabulary: Vocabulary },
  ) {
    this.bytes = bytes;
    this.length = length;
    this.short = short;
    this.joined = joined;
    this.vocabulary = vocabulary;
  }

  /** Goes on for about so many bytes; says whether the piece is done. */
  run(steps: number): boolean {
    let left = steps;
    for (; this.last === undefined && left > 0; left -= WINDOW_BYTES) if (this.addWindow()) return true;
    if (this.last === undefined) return false;
    this.extend(this.last, Math.min(this.length, this.known + left));
    return this.known === this.length;
  }

  /** Appends the ids of the finished piece. */
  collect(out: IdList): void {
    const { found, last } = this;
    if (last !== undefined) this.collectLast(last);
    for (let i = 0; i < found.length; i++) out.push(found.at(i));
  }

  /** Says whether the piece ends with this window. */
  private addWindow(): boolean {
    const { short, found, from } = this;
    const end = Math.min(from + WINDOW_BYTES, this.length);
    const count = short.merge(this.bytes, from, end);
    if (from > 0 && short.tokens[0] !== this.expected) {
      if (this.moves++ < MAX_MOVES) this.takeBack(1);
      else this.giveWindowsUp();
      return false;
    }
    if (end <= this.reached) {
      this.giveWindowsUp();
      return false;
    }
    this.reached = end;
    this.moves = 0;
    for (let i = 0; i < count; i++) found.push(short.tokens[i]!);
    if (end === this.length) return true;
    this.from = end;
    this.takeBack(OVERLAP_BYTES);
    return false;
  }

  /** Moves the beginning of the next window back by so many bytes, rounded up to whole tokens. */
  private takeBack(bytes: number): void {
    const least = this.from - bytes;
    while (this.from > least && this.found.length > 0) {
      this.expected = this.found.pop();
      this.from -= this.lengthOf(this.expected);
    }
  }

  private giveWindowsUp(): void {
    this.found.clear();
    this.last = new Int32Array(this.length);
  }

  private extend(last: Int32Array, end: number): void {
    const { joined, bytes } = this;
    const { byteIds } = this.vocabulary;
    for (let i = this.known; i < end; i++) {
      let id = byteIds[bytes[i]!]!;
      for (let before = i - 1; before >= 0; before = i - this.lengthOf(id)) {
        const other = joined.last(last[before]!, id);
        if (other === id) break;
        id = other;
      }
      last[i] = id;
    }
    this.known = end;
  }

  /** From the end to the start, each token says where the one before it ends. */
  private collectLast(last: Int32Array): void {
    let first = this.length;
    for (let i = this.length - 1; i >= 0; i -= this.lengthOf(last[first]!)) last[--first] = last[i]!;
    for (; first < this.length; first++) this.found.push(last[first]!);
  }

  private lengthOf(id: number): number {
    const { starts } = this.vocabulary;
    return starts[id + 1]! - starts[id]!;
  }
}
