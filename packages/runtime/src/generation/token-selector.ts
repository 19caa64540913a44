import { describeRow } from './logprobs.js';
import type { GeneratedToken } from './logprobs.js';
import type { GenerationSettings } from './options.js';
import { createRandom } from './random.js';
import type { Random } from './random.js';
import { argmax, checkFinite, forbid, penalizeRepetition, sampleToken } from './sampling.js';

/**
 * Chooses token after token. What it chooses depends on the rows of scores and on what it chose before, not on how the
 * rows were computed.
 */
export class TokenSelector {
  readonly #settings: GenerationSettings;
  readonly #stopIds: ReadonlySet<number>;
  readonly #random: Random | undefined;
  readonly #chosen: number[] = [];

  constructor(settings: GenerationSettings, stopIds: ReadonlySet<number>) {
    this.#settings = settings;
    this.#stopIds = stopIds;
    this.#random = settings.sampling === undefined ? undefined : createRandom(settings.seed);
  }

  /** Tokens chosen so far. */
  get count(): number {
    return this.#chosen.length;
  }

  /**
   * Chooses the next token; undefined when a stop id was chosen.
   *
   * @param scores - `[vocabulary]`, changed in place
   * @throws {BackendError} `BACKEND_FAILED` when scores are not finite
   */
  choose(scores: Float32Array): GeneratedToken | undefined {
    const { sampling, repetitionPenalty, minNewTokens, logprobs } = this.#settings;
    checkFinite(scores, this.count);
    const describe = logprobs === undefined ? undefined : describeRow(scores, logprobs);
    if (repetitionPenalty !== 1) penalizeRepetition(scores, this.#chosen, repetitionPenalty);
    if (this.count < minNewTokens) forbid(scores, this.#stopIds);
    const random = this.#random;
    const id = sampling === undefined || random === undefined ? argmax(scores) : sampleToken(scores, sampling, random);
    if (this.#stopIds.has(id)) return undefined;
    this.#chosen.push(id);
    return describe === undefined ? { id } : { id, logprobs: describe(id) };
  }
}
