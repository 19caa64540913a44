import type { GraphRunner } from './graph-runner.js';

/**
 * Positions from which on an append is a prefill: from about 8 to 16 rows on, a product with int8 weights is faster than
 * one with blocks of int4, and drafts of the runtime, with the token before them, stay below.
 */
const PREFILL_POSITIONS = 16;

/** The graphs of one decoder: the same network over the same key-value cache, its weights stored in one way or in two. */
export class DecoderGraphs {
  readonly #steps: GraphRunner;
  readonly #prefill: GraphRunner;

  constructor(steps: GraphRunner, prefill: GraphRunner = steps) {
    this.#steps = steps;
    this.#prefill = prefill;
  }

  /** The graph for all passes of an append of so many positions. */
  forAppend(positions: number): GraphRunner {
    return positions >= PREFILL_POSITIONS ? this.#prefill : this.#steps;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#steps.dispose(), this.#prefill.dispose()]);
  }
}
