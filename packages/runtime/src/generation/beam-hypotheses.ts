import type { GeneratedToken } from './logprobs.js';
import type { EarlyStopping } from './options.js';

/** A finished beam. */
export interface Hypothesis {
  readonly tokens: readonly GeneratedToken[];
  /** Summed log-probability over length to the power of the length penalty. */
  readonly score: number;
  readonly isStopped: boolean;
}

export interface HypothesisRules {
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: EarlyStopping;
  readonly maxNewTokens: number;
}

/**
 * The best finished beams.
 *
 * @source transformers 4.40, `generation/beam_search.py` `BeamHypotheses`
 */
export class BeamHypotheses {
  readonly #rules: HypothesisRules;
  readonly #kept: Hypothesis[] = [];
  #worst = Infinity;

  constructor(rules: HypothesisRules) {
    this.#rules = rules;
  }

  /** Takes a finished beam; `length` counts the stop token. */
  add(tokens: readonly GeneratedToken[], sum: number, length: number, isStopped: boolean): void {
    const score = sum / length ** this.#rules.lengthPenalty;
    const isFull = this.#kept.length >= this.#rules.beams;
    if (isFull && !(score > this.#worst)) return;
    this.#kept.push({ tokens, score, isStopped });
    if (isFull) this.#kept.splice(this.#worstIndex(), 1);
    this.#worst = this.#kept[this.#worstIndex()]!.score;
  }

  /** True when running beams, the best of them with `bestSum` after `length` tokens, need not go on. */
  isDone(bestSum: number, length: number): boolean {
    const { beams, earlyStopping, lengthPenalty, maxNewTokens } = this.#rules;
    if (this.#kept.length < beams) return false;
    if (earlyStopping === true) return true;
    const reach = earlyStopping === 'never' && lengthPenalty > 0 ? maxNewTokens : length;
    return this.#worst >= bestSum / reach ** lengthPenalty;
  }

  /** The best one; the latest of equals. */
  best(): Hypothesis {
    return this.#kept.reduce((best, other) => (other.score >= best.score ? other : best));
  }

  /** The earliest of equals. */
  #worstIndex(): number {
    return this.#kept.reduce((worst, { score }, index) => (score < this.#kept[worst]!.score ? index : worst), 0);
  }
}
