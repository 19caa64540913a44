import { CharacterBonds } from './character-bonds.js';
import type { BytePairEncoder } from './byte-pair-encoder.js';
import type { IdList } from './id-list.js';
import { PreTokenizer } from './pre-tokenizer.js';
import type { TokenBytes } from './vocabulary.js';
import { MAX_CACHED_UNITS, WordCache } from './word-cache.js';

/** UTF-16 units, or bytes of one long piece, between two pauses: some milliseconds of work. */
export const STEP_UNITS: number = 2 ** 16;

/** When to stop before the end, always between two pieces. */
export interface EncodeLimits {
  /** After the piece with which there are so many ids. */
  readonly maxIds: number;
  /** After the piece that reaches this index of the text. */
  readonly pauseAt: number;
}

const NO_LIMITS: EncodeLimits = { maxIds: Infinity, pauseAt: Infinity };

/** Ordinary text to ids: cuts it into pieces, and remembers what short pieces became. */
export class OrdinaryTextEncoder {
  private readonly preTokenizer: PreTokenizer = new PreTokenizer();
  private readonly cache: WordCache = new WordCache(2 ** 17);
  /** Apart from the pieces: a piece that is a token may be taken whole, a part never is. */
  private readonly parts: WordCache = new WordCache(2 ** 15);
  private readonly encoder: BytePairEncoder;
  private readonly bonds: CharacterBonds;

  constructor(encoder: BytePairEncoder, tokens: TokenBytes) {
    this.encoder = encoder;
    this.bonds = new CharacterBonds(tokens);
  }

  /**
   * Appends the ids of `text[start, end)` to `out` and returns how far it came: to the end, unless a limit stopped it
   * after a piece, or before a piece that takes longer than a step and goes beyond `pauseAt`.
   */
  encode(text: string, start: number, end: number, out: IdList, limits: EncodeLimits = NO_LIMITS): number {
    const { preTokenizer, cache } = this;
    let from = start;
    const { maxIds, pauseAt } = limits;
    while (from < end && from < pauseAt && out.length < maxIds) {
      const to = preTokenizer.pieceEnd(text, from, end);
      if (to - from > MAX_CACHED_UNITS) {
        if (to > pauseAt && to - from > STEP_UNITS) return from;
        this.encodePiece(text, from, to, out);
      } else if (!cache.look(text, from, to, out)) {
        const known = out.length;
        this.encodePiece(text, from, to, out);
        cache.store(text, from, to, out, known);
      }
      from = to;
    }
    return from;
  }

  /** Encodes a piece that is not known, or too long to be: the parts of it that no token connects on their own. */
  private encodePiece(text: string, start: number, end: number, out: IdList): void {
    const { parts, encoder, bonds } = this;
    let to = bonds.partEnd(text, start, end);
    if (to === end) {
      encoder.encode(text, start, end, out, false);
      return;
    }
    for (let from = start; from < end; from = to, to = bonds.partEnd(text, from, end)) {
      if (to - from > MAX_CACHED_UNITS) {
        encoder.encode(text, from, to, out, true);
      } else if (!parts.look(text, from, to, out)) {
        const known = out.length;
        encoder.encode(text, from, to, out, true);
        parts.store(text, from, to, out, known);
      }
    }
  }

  /** The same to the end, pausing after every `STEP_UNITS` of work. */
  *encodeInSteps(text: string, start: number, end: number, out: IdList): Generator<void, void, void> {
    let from = start;
    while (from < end) {
      const to = this.encode(text, from, end, out, { maxIds: Infinity, pauseAt: from + STEP_UNITS });
      if (to > from) {
        from = to;
      } else {
        // A single piece of more than a step.
        const pieceEnd = this.preTokenizer.pieceEnd(text, from, end);
        yield* this.encoder.encodeInSteps(text, from, pieceEnd, out, STEP_UNITS);
        from = pieceEnd;
      }
      yield;
    }
  }
}
