import { availableParallelism } from 'node:os';
import type { ModelSource } from '@pocketlens/backend';
import { USUAL_POSITIONS } from '@pocketlens/backend-onnx';
import { defaultThreads } from '../default-threads.js';
import type { OnnxRuntime } from '../runtime.js';
import type { ThreadSettings } from '../session-options.js';
import { CHUNKS, threadLadder } from './candidates.js';
import { compare } from './compare.js';
import type { Comparison } from './compare.js';
import { Contestant } from './contestant.js';
import type { SampleGraph } from './decoder-sample.js';
import { physicalCores } from './physical-cores.js';
import type { FixedSettings, Tuning, TuningStep } from './tuning.js';

/** Another setting must save so much of the time: less is lost in what a machine does from one second to the next. */
const LEAST_GAIN = 0.05;
/** Threads that spin take time from other programs while they wait, which has to be worth it. */
const LEAST_GAIN_OF_SPINNING = 0.1;
/** And it must be faster in so many of the rounds: on a busy machine one median alone is soon a matter of luck. */
const LEAST_WINS = 0.75;
/** No further setting is tried after this time. */
const BUDGET_MS = 3000;

export interface TuneContext {
  readonly runtime: OnnxRuntime;
  readonly source: ModelSource;
  /** The decoder of single steps, and that of prompts: often the same. */
  readonly graphs: { readonly steps: SampleGraph; readonly prompts: SampleGraph };
  readonly fixed: FixedSettings;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: TuningStep) => void) | undefined;
}

/**
 * Measures some settings on the first layers of a model, each against the best so far.
 *
 * @throws {AbortError} `ABORTED`
 */
export async function tune(context: TuneContext): Promise<Tuning> {
  const { fixed } = context;
  const tournament = await Tournament.start(context, {
    threads: fixed.threads ?? defaultThreads(),
    spinning: fixed.spinning ?? false,
  });
  try {
    if (fixed.threads === undefined) await climb(tournament);
    if (fixed.spinning === undefined && tournament.best.threads > 1) {
      await tournament.challenge('spinning', { ...tournament.best, spinning: true }, LEAST_GAIN_OF_SPINNING);
    }
    const prefillChunk = fixed.prefillChunk ?? (await tournament.chooseChunk());
    return { ...tournament.best, prefillChunk };
  } finally {
    await tournament.end();
  }
}

/** More threads as long as they gain; where already the first step up does not, fewer. */
async function climb(tournament: Tournament): Promise<void> {
  const usual = tournament.best.threads;
  const ladder = threadLadder({ physical: await physicalCores(), available: availableParallelism(), usual });
  const up = ladder.filter((threads) => threads > usual);
  const down = ladder.filter((threads) => threads < usual).toReversed();
  for (const direction of [up, down]) {
    for (const threads of direction) {
      if (!(await tournament.challenge('threads', { ...tournament.best, threads }, LEAST_GAIN))) break;
    }
    if (tournament.best.threads !== usual) return;
  }
}

/** The best settings so far, and how others are measured against them. */
class Tournament {
  readonly #context: TuneContext;
  readonly #start: number = performance.now();
  #best: Contestant;

  private constructor(context: TuneContext, best: Contestant) {
    this.#context = context;
    this.#best = best;
  }

  static async start(context: TuneContext, settings: ThreadSettings): Promise<Tournament> {
    return new Tournament(context, await Contestant.open(context, settings));
  }

  get best(): ThreadSettings {
    return this.#best.settings;
  }

  /** Measures other settings; they become the best when they save at least `leastGain` of the time. */
  async challenge(setting: 'threads' | 'spinning', settings: ThreadSettings, leastGain: number): Promise<boolean> {
    if (this.#isOver()) return false;
    const { signal, onStep } = this.#context;
    const [best, challenger] = [this.#best, await Contestant.open(this.#context, settings)];
    let loser = challenger;
    try {
      const [, result] = await compare([() => best.request(), () => challenger.request()], signal);
      const isTaken = isGain(result!, leastGain);
      if (isTaken) [this.#best, loser] = [challenger, best];
      onStep?.({ setting, value: settings[setting], ratio: result!.ratio, isTaken });
      return isTaken;
    } finally {
      await loser.release();
    }
  }

  async chooseChunk(): Promise<number> {
    if (this.#isOver()) return USUAL_POSITIONS;
    const { signal, onStep } = this.#context;
    const results = await compare(
      CHUNKS.map((chunk) => () => this.#best.prompt(chunk)),
      signal,
    );
    const ratios = results.map(({ ratio }) => ratio);
    const fastest = ratios.indexOf(Math.min(...ratios));
    const chosen = isGain(results[fastest]!, LEAST_GAIN) ? fastest : 0;
    for (const [index, value] of CHUNKS.entries()) {
      if (index > 0) onStep?.({ setting: 'prefillChunk', value, ratio: ratios[index]!, isTaken: index === chosen });
    }
    return CHUNKS[chosen]!;
  }

  end(): Promise<void> {
    return this.#best.release();
  }

  #isOver(): boolean {
    return performance.now() - this.#start > BUDGET_MS;
  }
}

function isGain({ ratio, wins }: Comparison, leastGain: number): boolean {
  return ratio <= 1 - leastGain && wins >= LEAST_WINS;
}
