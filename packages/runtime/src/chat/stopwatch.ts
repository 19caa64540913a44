import type { Timings } from './types.js';

type Phase = 'preprocessMs' | 'encodeMs' | 'prefillMs' | 'decodeMs';

/** Measures the phases of one call, in milliseconds. */
export class Stopwatch {
  readonly #loadMs: number;
  readonly #start: number = performance.now();
  readonly #phases: Record<Phase, number> = { preprocessMs: 0, encodeMs: 0, prefillMs: 0, decodeMs: 0 };
  #last: number = this.#start;
  #firstTokenMs: number | undefined;

  constructor(loadMs: number) {
    this.#loadMs = loadMs;
  }

  /** Ends a phase; the next one starts. */
  mark(phase: Phase): void {
    const now = performance.now();
    this.#phases[phase] = now - this.#last;
    this.#last = now;
  }

  /** Notes the first token, and starts the decode phase with it; later calls do nothing. */
  markFirstToken(): void {
    if (this.#firstTokenMs !== undefined) return;
    this.#last = performance.now();
    this.#firstTokenMs = this.#last - this.#start;
  }

  timings(completionTokens: number): Timings {
    const { decodeMs } = this.#phases;
    const following = completionTokens - 1;
    return {
      loadMs: this.#loadMs,
      ...this.#phases,
      firstTokenMs: this.#firstTokenMs ?? 0,
      tokensPerSecond: following > 0 && decodeMs > 0 ? (following / decodeMs) * 1000 : 0,
    };
  }
}
