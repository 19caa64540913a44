import type { ThreadSettings } from '../session-options.js';
import { CHUNKS } from './candidates.js';
import { DecoderSample } from './decoder-sample.js';
import type { TuneContext } from './tune.js';

/** A request in small: part of a prompt, and steps of an answer, in the proportion of 512 positions to 128 tokens. */
const REQUEST = { positions: 32, steps: 8, past: 64 } as const;
/** What one measurement of a chunk reads. */
const PROMPT_POSITIONS = Math.max(...CHUNKS);

/** The decoders of a model, open with some settings. */
export class Contestant {
  readonly settings: ThreadSettings;
  readonly #steps: DecoderSample;
  readonly #prompts: DecoderSample;

  private constructor(settings: ThreadSettings, steps: DecoderSample, prompts: DecoderSample) {
    this.settings = settings;
    this.#steps = steps;
    this.#prompts = prompts;
  }

  static async open(
    context: Pick<TuneContext, 'runtime' | 'source' | 'graphs'>,
    settings: ThreadSettings,
  ): Promise<Contestant> {
    const { runtime, source, graphs } = context;
    const steps = await DecoderSample.open(runtime, source, graphs.steps, settings);
    try {
      const isSame = graphs.prompts === graphs.steps;
      const prompts = isSame ? steps : await DecoderSample.open(runtime, source, graphs.prompts, settings);
      return new Contestant(settings, steps, prompts);
    } catch (error) {
      await steps.release();
      throw error;
    }
  }

  async request(): Promise<void> {
    await this.#prompts.run(REQUEST.positions, 0);
    for (let step = 0; step < REQUEST.steps; step++) await this.#steps.run(1, REQUEST.past + step);
  }

  /** Reads a prompt in passes of `chunk` positions. */
  async prompt(chunk: number): Promise<void> {
    for (let past = 0; past < PROMPT_POSITIONS; past += chunk) await this.#prompts.run(chunk, past);
  }

  async release(): Promise<void> {
    await this.#steps.release();
    if (this.#prompts !== this.#steps) await this.#prompts.release();
  }
}
