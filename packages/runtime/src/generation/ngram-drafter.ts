/** Tokens of the longest run that is looked up. */
const LONGEST_RUN = 3;
/** A pass over n + 1 tokens costs about 1 + n times this of a pass over one, on a processor. */
const COST_OF_DRAFTED_TOKEN = 0.3;
const MOST_DRAFTED = 8;
/** How likely the token that followed a run of 1, 2 or 3 tokens before is to follow again, before anything is known. */
const FIRST_GUESS: readonly number[] = [0.15, 0.35, 0.6];
/** Weight of the newest observation. */
const LEARNING_RATE = 0.1;
/** Ids of the vocabularies in question are below this, and runs of three are exact as numbers. */
const ID_RANGE = 2 ** 17;
/** Stands where no token is, such as at an image. */
export const NO_TOKEN = -1;

/**
 * Drafts the next tokens from what followed the same run of tokens earlier in the conversation or the answer. It learns
 * from every token, drafted or not, how often that comes true, and drafts as many as pay.
 *
 * @source Saxena, "Prompt Lookup Decoding" (2023), with the latest occurrence instead of the first
 */
export class NgramDrafter {
  readonly #tokens: number[] = [];
  /** For each length, where the token after the latest run stands. */
  readonly #places: readonly Map<number, number>[] = FIRST_GUESS.map(() => new Map());
  readonly #hopes: number[] = [...FIRST_GUESS];

  constructor(history: Iterable<number> = []) {
    for (const token of history) this.#remember(token);
  }

  /** Takes a token of the answer. */
  push(id: number): void {
    const found = this.#find();
    if (found !== undefined) {
      const isRight = this.#tokens[found.place] === id;
      this.#hopes[found.length - 1]! += LEARNING_RATE * (Number(isRight) - this.#hopes[found.length - 1]!);
    }
    this.#remember(id);
  }

  /** The next tokens as far as guessing them is likely to pay, at most `most`; often none. */
  draft(most: number): readonly number[] {
    const found = this.#find();
    if (found === undefined) return [];
    const count = this.#worthwhile(found.length, Math.min(most, MOST_DRAFTED));
    const drafted: number[] = [];
    for (let i = 0; i < count; i++) {
      // Past the end the run repeats itself: a period shorter than the draft goes on.
      const at = found.place + i;
      const token = at < this.#tokens.length ? this.#tokens[at]! : drafted[at - this.#tokens.length]!;
      if (token === NO_TOKEN) break;
      drafted.push(token);
    }
    return drafted;
  }

  /** The number of drafted tokens with the most tokens gained for their cost. */
  #worthwhile(length: number, most: number): number {
    let best = 0;
    let bestRate = 1;
    let gained = 1;
    let chance = 1;
    for (let count = 1; count <= most; count++) {
      chance *= this.#hopes[Math.min(length + count - 1, LONGEST_RUN) - 1]!;
      gained += chance;
      const rate = gained / (1 + COST_OF_DRAFTED_TOKEN * count);
      if (rate > bestRate) [best, bestRate] = [count, rate];
    }
    return best;
  }

  /** Where the token stands that followed the longest known end. */
  #find(): { readonly place: number; readonly length: number } | undefined {
    for (let length = LONGEST_RUN; length > 0; length--) {
      const key = this.#key(length);
      const place = key === undefined ? undefined : this.#places[length - 1]!.get(key);
      if (place !== undefined) return { place, length };
    }
    return undefined;
  }

  /** The last `length` tokens as a number; undefined when they are fewer or a gap is among them. */
  #key(length: number): number | undefined {
    const { length: end } = this.#tokens;
    if (end < length) return undefined;
    let key = 0;
    for (let at = end - length; at < end; at++) {
      const token = this.#tokens[at]!;
      if (token === NO_TOKEN) return undefined;
      key = key * ID_RANGE + token;
    }
    return key;
  }

  #remember(token: number): void {
    // The runs that end before this token become findable only now: a run must not find itself.
    for (let length = 1; length <= LONGEST_RUN; length++) {
      const key = this.#key(length);
      if (key !== undefined) this.#places[length - 1]!.set(key, this.#tokens.length);
    }
    this.#tokens.push(token);
  }
}
