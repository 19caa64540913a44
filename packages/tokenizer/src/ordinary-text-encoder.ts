import type { BytePairEncoder } from './byte-pair-encoder.js';
import { PreTokenizer } from './pre-tokenizer.js';
import { MAX_CACHED_UNITS, WordCache } from './word-cache.js';

/** Ordinary text to ids: cuts it into pieces, and remembers what short pieces became. */
export class OrdinaryTextEncoder {
  private readonly preTokenizer: PreTokenizer = new PreTokenizer();
  private readonly cache: WordCache = new WordCache();
  private readonly encoder: BytePairEncoder;

  constructor(encoder: BytePairEncoder) {
    this.encoder = encoder;
  }

  /** Appends the ids of `text[start, end)` to `out`; stops after the piece with which `out` reaches `limit` ids. */
  encode(text: string, start: number, end: number, out: number[], limit: number = Infinity): void {
    const { preTokenizer, cache, encoder } = this;
    let from = start;
    while (from < end && out.length < limit) {
      const to = preTokenizer.pieceEnd(text, from, end);
      if (to - from > MAX_CACHED_UNITS) {
        encoder.encode(text, from, to, out);
      } else if (!cache.look(text, from, to, out)) {
        const known = out.length;
        encoder.encode(text, from, to, out);
        cache.store(text, from, to, out, known);
      }
      from = to;
    }
  }
}
