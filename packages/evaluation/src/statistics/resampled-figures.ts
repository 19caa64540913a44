import { setImmediate } from 'node:timers/promises';

import type { Aggregator, Benchmark, Headline } from '../benchmarks/benchmark.js';
import { AbortError } from '../errors.js';
import type { Profile } from '../scoring/profile.js';
import { type Figures, figuresOf } from './figures.js';
import type { ScoredRow } from './scored-row.js';

/** The figures of one set of rows. */
export interface Summary {
  readonly headline: Headline;
  readonly figures: Figures;
}

/** Feeds rows to a benchmark's own aggregator, so that every figure is what the benchmark would report for them. */
export class Summarizer {
  readonly #benchmark: Benchmark;
  readonly #aggregator: Aggregator;
  #draws = 0;

  constructor(benchmark: Benchmark, profile: Profile) {
    this.#benchmark = benchmark;
    this.#aggregator = benchmark.aggregator(profile);
  }

  /** Adds a cluster that may have been drawn before. */
  addDraw(cluster: readonly ScoredRow[]): void {
    const relabel = this.#benchmark.resampling?.relabel;
    for (const { row, score } of cluster) this.add(relabel ? relabel(row, this.#draws) : row, score);
    this.#draws += 1;
  }

  add(row: ScoredRow['row'], score: ScoredRow['score']): void {
    if (score) this.#aggregator.add(row, score);
    else this.#aggregator.addUnscored?.(row);
  }

  summary(): Summary {
    const { headline, table } = this.#aggregator.result();
    return { headline, figures: figuresOf(table, this.#benchmark.resampling?.counts) };
  }
}

/** How often and how figures are drawn. */
export interface DrawOptions {
  readonly count: number;
  readonly signal?: AbortSignal;
}

/** Does the same `count` times; other work of the process, and the signal, get their turn in between. */
export async function repeat(work: () => void, { count, signal }: DrawOptions): Promise<void> {
  let pausedAt = performance.now();
  for (let at = 0; at < count; at += 1) {
    if (signal?.aborted) throw new AbortError(signal);
    work();
    if (performance.now() - pausedAt < LONGEST_TURN_MS) continue;
    await setImmediate();
    pausedAt = performance.now();
  }
}

const LONGEST_TURN_MS = 50;

/** Enough resamples for bounds that two seeds agree on; fewer where each of them is long work. */
export function defaultResamples(rows: number): number {
  return rows > 20_000 ? 199 : 999;
}
