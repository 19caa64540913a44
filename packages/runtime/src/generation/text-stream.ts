import type { GeneratedToken } from './logprobs.js';

/** Turns ids into text piece by piece and never gives out half a character. */
export interface TokenDecoder {
  push(id: number): string;
  end(): string;
}

/** A piece of an answer: text that is certain, and the tokens it came from. */
export interface TextDelta {
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
}

/** Decodes an answer as it grows and ends it before the first stop text, of which nothing is given out. */
export class TextStream {
  readonly #decoder: TokenDecoder;
  readonly #stop: readonly string[];
  #held = '';
  #heldTokens: GeneratedToken[] = [];
  #isStopped = false;

  constructor(decoder: TokenDecoder, stop: readonly string[]) {
    this.#decoder = decoder;
    this.#stop = stop;
  }

  /** True once a stop text has come; nothing follows. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Takes a token; gives the text that has become certain, if any. */
  push(token: GeneratedToken): TextDelta | undefined {
    this.#heldTokens.push(token);
    return this.#take(this.#decoder.push(token.id), false);
  }

  /** Gives what was held back. */
  end(): TextDelta | undefined {
    return this.#isStopped ? undefined : this.#take(this.#decoder.end(), true);
  }

  #take(text: string, isEnd: boolean): TextDelta | undefined {
    this.#held += text;
    const found = this.#findStop();
    if (found >= 0) {
      this.#isStopped = true;
      return this.#emit(found);
    }
    return this.#emit(isEnd ? this.#held.length : this.#held.length - this.#undecidedLength());
  }

  #emit(length: number): TextDelta | undefined {
    if (length === 0) return undefined;
    const delta = { text: this.#held.slice(0, length), tokens: this.#heldTokens };
    this.#held = this.#held.slice(length);
    this.#heldTokens = [];
    return delta;
  }

  #findStop(): number {
    const places = this.#stop.map((stop) => this.#held.indexOf(stop)).filter((place) => place >= 0);
    return places.length === 0 ? -1 : Math.min(...places);
  }

  /** Length of the longest end of the held text that may grow into a stop text. */
  #undecidedLength(): number {
    const mayGrow = (length: number): boolean => {
      const end = this.#held.slice(this.#held.length - length);
      return this.#stop.some((stop) => stop.startsWith(end));
    };
    const longest = Math.min(this.#held.length, Math.max(0, ...this.#stop.map((stop) => stop.length - 1)));
    for (let length = longest; length > 0; length--) if (mayGrow(length)) return length;
    return 0;
  }
}
