import type { Aggregator, Benchmark, Headline } from '../benchmarks/benchmark.js';
import type { DatasetRow } from '../data/sample.js';
import { spreadsheetText, typedCell } from '../python/column.js';
import type { SampleFailure } from './predictions-file.js';
import type { RunProgress } from './collect-answers.js';

const RENEW_SCORE_MS = 1000;

/** Counts what a run does, and keeps its running score. */
export class RunTally {
  readonly #benchmark: Benchmark;
  readonly #aggregator: Aggregator | undefined;
  readonly #total: number;
  readonly #startedAt = performance.now();
  #score: Headline | undefined;
  #scoredAt = Number.NEGATIVE_INFINITY;
  answered = 0;
  resumed = 0;
  failed = 0;

  constructor(benchmark: Benchmark, total: number) {
    this.#benchmark = benchmark;
    this.#total = total;
    this.#aggregator = benchmark.agreement === 'judge' ? undefined : benchmark.aggregator('current');
  }

  /** An answer of an earlier run. */
  addEarlier(row: DatasetRow, prediction: string): void {
    this.resumed += 1;
    this.#addAnswer(row, prediction);
  }

  add(row: DatasetRow, outcome: { readonly prediction: string } | { readonly error: SampleFailure }): void {
    if ('prediction' in outcome) return this.#addAnswer(row, outcome.prediction);
    this.failed += 1;
    this.#aggregator?.addUnscored?.(row);
  }

  progress(index: string): RunProgress {
    const elapsedMs = performance.now() - this.#startedAt;
    const asked = this.answered - this.resumed + this.failed;
    const left = this.#total - this.answered - this.failed;
    const score = this.#runningScore();
    return {
      index,
      answered: this.answered,
      failed: this.failed,
      total: this.#total,
      elapsedMs,
      samplesPerMinute: (asked / elapsedMs) * 60_000,
      remainingMs: (elapsedMs / asked) * left,
      ...(score && { score }),
    };
  }

  #addAnswer(row: DatasetRow, prediction: string): void {
    this.answered += 1;
    if (this.#aggregator === undefined) return;
    const { isStoredAsSpreadsheet } = this.#benchmark;
    // The type of the column is known at the end only; until then it is text.
    const stored = isStoredAsSpreadsheet ? (typedCell(spreadsheetText(prediction), 'text') ?? 'nan') : prediction;
    const { index, cells } = row;
    this.#aggregator.add({ index, cells }, this.#benchmark.score(row, stored, 'current'));
  }

  #runningScore(): Headline | undefined {
    const now = performance.now();
    if (this.#aggregator === undefined || now - this.#scoredAt < RENEW_SCORE_MS) return this.#score;
    const { headline } = this.#aggregator.result();
    this.#scoredAt = now;
    this.#score = Number.isNaN(headline.value) ? undefined : headline;
    return this.#score;
  }
}
