import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { findBenchmark, loadBenchmark, type LoadedBenchmark } from '../benchmarks/registry.js';
import type { Dataset, DatasetRow } from '../data/sample.js';
import { join } from 'node:path';
import { compareRuns } from './compare.js';
import { confidenceIntervals, meanInterval } from './confidence.js';
import { figuresOf } from './figures.js';
import { normalQuantile, percentileInterval, wilsonInterval } from './interval.js';
import { mcnemarTest } from './mcnemar.js';
import { createRandom } from './random.js';
import { scoreRows } from './scored-row.js';

const READING = join(import.meta.dirname, '../../../../tools/golden/reading');

function inMemory(name: string, rows: readonly DatasetRow[]): LoadedBenchmark {
  const dataset: Dataset = {
    file: `${name}.tsv`,
    columns: [],
    count: rows.length,
    dropped: 0,
    async *samples() {
      for (const row of rows) yield { ...row, imageCount: 0, images: () => Promise.resolve([]) };
    },
  };
  return { benchmark: findBenchmark(name), dataset };
}

const choice = (index: number | string, cells: Record<string, string> = {}): DatasetRow => ({
  index: String(index),
  cells: { question: 'Which?', A: 'apple', B: 'pear', C: 'plum', D: 'fig', answer: 'A', ...cells },
});

/** Answers "A" for the first `right` of `count`, "B" for the others. */
const answers = (count: number, right: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [String(at), at < right ? 'A' : 'B']));

const choices = (count: number): LoadedBenchmark =>
  inMemory(
    'RealWorldQA',
    Array.from({ length: count }, (_, at) => choice(at)),
  );

describe('closed forms', () => {
  // scipy.stats.norm.ppf
  it.each([
    [0.975, 1.959963984540054],
    [0.8, 0.8416212335729143],
    [0.001, -3.090232306167813],
    [0.5, 0],
  ])('the normal quantile of %d', (share, expected) => {
    expect(normalQuantile(share)).toBeCloseTo(expected, 7);
  });

  // statsmodels.stats.proportion.proportion_confint(count, nobs, method='wilson')
  it.each([
    [8, 10, 0.49016247153664, 0.9433178485456],
    [0, 20, 0, 0.16113, 4],
    [20, 20, 0.83887, 1, 4],
  ])("Wilson's interval of %d in %d", (right, total, low, high, digits = 5) => {
    const interval = wilsonInterval(right, total, 0.95);
    expect(interval.low).toBeCloseTo(low, digits);
    expect(interval.high).toBeCloseTo(high, digits);
  });

  // statsmodels.stats.contingency_tables.mcnemar(exact=True) is the two-sided binomial test.
  it.each([
    [0, 0, 1],
    [1, 0, 1],
    [6, 1, 0.125],
    [10, 2, 0.03857421875],
    [5, 5, 1],
  ])('McNemar of %d against %d', (onlyA, onlyB, expected) => {
    expect(mcnemarTest(onlyA, onlyB)).toBeCloseTo(expected, 12);
    expect(mcnemarTest(onlyB, onlyA)).toBeCloseTo(expected, 12);
  });

  it('McNemar holds where powers of two leave the range of a double', () => {
    const p = mcnemarTest(2100, 2000);
    expect(p).toBeGreaterThan(0.11);
    expect(p).toBeLessThan(0.13);
  });

  it('percentiles are ranks of B + 1', () => {
    const draws = Array.from({ length: 999 }, (_, at) => 999 - at);
    expect(percentileInterval(draws, 0.95)).toEqual({ low: 25, high: 975 });
    expect(percentileInterval([Number.NaN], 0.95)).toEqual({ low: Number.NaN, high: Number.NaN });
  });

  it('names figures by row and column', () => {
    const table = [{ split: 'none', n: 3, Overall: 0.5, CP: 'NaN' }];
    expect([...figuresOf(table, ['n'])]).toEqual([
      ['none / Overall', 0.5],
      ['none / CP', Number.NaN],
    ]);
    expect([...figuresOf({ 'Final Score': 7 })]).toEqual([['Final Score', 7]]);
  });
});

describe('intervals', () => {
  it('hold the true mean about as often as they say', () => {
    const random = createRandom(11);
    const truth = 0.5;
    let held = 0;
    for (let trial = 0; trial < 300; trial += 1) {
      // Clusters of two equal values: taking the samples for independent would be right in 83 % only.
      const clusters = Array.from({ length: 40 }, () => {
        const value = random.below(1001) / 1000;
        return [value, value];
      });
      const { low, high } = meanInterval(clusters, { seed: trial, resamples: 199 });
      if (low <= truth && truth <= high) held += 1;
    }
    expect(held / 300).toBeGreaterThan(0.9);
    expect(held / 300).toBeLessThan(0.98);
  });

  it('are the same for the same seed and lie around the figure', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const predictions: Record<string, string> = {};
    for await (const sample of benchmark.dataset.samples()) {
      predictions[sample.index] = sample.cells['answer']!.replace('e', 'c').replace('1', '7');
    }
    const scored = await scoreRows({ benchmark, predictions });
    const report = await confidenceIntervals(scored, { seed: 3, resamples: 199 });
    expect(report).toEqual(await confidenceIntervals(scored, { seed: 3, resamples: 199 }));
    expect(report).not.toEqual(await confidenceIntervals(scored, { seed: 4, resamples: 199 }));
    expect(report).toMatchObject({ clusters: 24, resamples: 199, method: 'bootstrap' });
    const { low, value, high } = report.headline as { low: number; value: number; high: number };
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    const table = figuresOf(scored.report.table, ['questions']);
    expect(new Map(report.figures.map((figure) => [figure.name, Number(figure.value)]))).toEqual(table);
    expect(report.figures.map(({ name }) => name)).not.toContain('Overall / questions');
  });

  it("are Wilson's for a plain share of right answers, also where all are right", async () => {
    const scored = await scoreRows({ benchmark: choices(20), predictions: answers(20, 20) });
    const { method, headline } = await confidenceIntervals(scored, { resamples: 19 });
    expect(method).toBe('wilson');
    expect(headline).toMatchObject({ value: 100, high: 100 });
    expect(headline.low).toBeCloseTo(83.887, 2);
  });

  it('draw the questions of one picture together', async () => {
    const rows = Array.from({ length: 40 }, (_, at) => choice(at, { image_path: `${at % 4}.jpg` }));
    const predictions = Object.fromEntries(rows.map(({ index }) => [index, Number(index) % 4 < 2 ? 'A' : 'B']));
    const report = await confidenceIntervals(
      await scoreRows({ benchmark: inMemory('RealWorldQA', rows), predictions }),
    );
    expect(report).toMatchObject({ clusters: 4, method: 'bootstrap', headline: { low: 0, value: 50, high: 100 } });
  });

  // The sum of fixed parts: each part keeps its size, so all right in one and none in the other has no spread.
  it('keep the parts that a benchmark fixes', async () => {
    const rows = Array.from({ length: 20 }, (_, at) =>
      choice(at, { answer: 'apple', category: at < 10 ? 'Regular Text Recognition' : 'Scene Text-centric VQA' }),
    );
    const predictions = Object.fromEntries(rows.map(({ index }) => [index, Number(index) < 10 ? 'apple' : 'pear']));
    const scored = await scoreRows({ benchmark: inMemory('OCRBench', rows), predictions });
    expect((await confidenceIntervals(scored, { resamples: 50 })).headline).toMatchObject({ low: 10, high: 10 });
  });

  it('count an MMBench question that is drawn twice as two', async () => {
    const rows = Array.from({ length: 12 }, (_, at) => choice((at % 6) + (at < 6 ? 0 : 1_000_000)));
    const predictions = Object.fromEntries(
      rows.map(({ index }) => [index, (Number(index) % 1_000_000) % 6 < 5 ? 'A' : 'B']),
    );
    const scored = await scoreRows({ benchmark: inMemory('MMBench_DEV_EN', rows), predictions });
    const report = await confidenceIntervals(scored);
    expect(report).toMatchObject({ clusters: 6 });
    expect(report.headline.value).toBeCloseTo(500 / 6, 9);
    // If copies fell together, figures would be shares of fewer than six; all are sixths.
    const overall = report.figures.find(({ name }) => name === 'none / Overall')!;
    expect((Number(overall.low) * 6) % 1).toBeCloseTo(0, 9);
    expect(Number(overall.low)).toBeLessThanOrEqual(0.5);
  });

  it.each([
    ['MME', (at: number) => choice(at, { answer: 'Yes', category: 'OCR', image_path: `${at >> 1}` })],
    ['HallusionBench', (at: number) => choice(`VD_x_y_${at >> 1}_1_${at & 1}`, { answer: 'Yes', 'l2-category': 'c' })],
  ] as const)('of %s agree with the table when every cluster is drawn once', async (name, rowOf) => {
    const rows = Array.from({ length: 30 }, (_, at) => rowOf(at));
    const predictions = Object.fromEntries(rows.map(({ index }, at) => [index, at % 7 === 0 ? 'No' : 'Yes']));
    const benchmark = inMemory(name, rows);
    const scored = await scoreRows({ benchmark, predictions });
    const { clusters, figures } = await confidenceIntervals(scored, { resamples: 199 });
    expect(clusters).toBe(15);
    for (const { value, low, high } of figures.filter((figure) => figure.value !== 'NaN')) {
      expect(Number(low)).toBeLessThanOrEqual(Number(value));
      expect(Number(high)).toBeGreaterThanOrEqual(Number(value));
      expect(Number(high)).toBeGreaterThan(Number(low));
    }
  });

  it('stop at the signal', async () => {
    const scored = await scoreRows({ benchmark: choices(5), predictions: answers(5, 3) });
    const work = confidenceIntervals(scored, { signal: AbortSignal.abort('enough') });
    await expect(work).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a comparison', () => {
  it('finds no difference between a run and itself', async () => {
    const report = await compareRuns({
      benchmark: choices(30),
      a: answers(30, 20),
      b: answers(30, 20),
      resamples: 199,
    });
    expect(report).toMatchObject({
      paired: 30,
      better: 'neither',
      changed: [],
      headline: { difference: 0, low: 0, high: 0, p: 1 },
      mcnemar: { bothRight: 20, bothWrong: 10, onlyARight: 0, onlyBRight: 0, p: 1 },
    });
  });

  it('finds a large one, and names the samples', async () => {
    const report = await compareRuns({
      benchmark: choices(60),
      a: answers(60, 20),
      b: answers(60, 40),
      seed: 5,
      resamples: 199,
    });
    expect(report).toMatchObject({ better: 'b', mcnemar: { onlyARight: 0, onlyBRight: 20 } });
    expect(report.mcnemar!.p).toBeCloseTo(2 ** -19, 12);
    expect(report.headline.p).toBe(1 / 200);
    expect(report.headline.difference).toBeCloseTo(100 / 3, 9);
    expect(Number(report.headline.low)).toBeGreaterThan(18);
    expect(Number(report.headline.high)).toBeLessThan(50);
    expect(report.changed).toHaveLength(20);
    expect(report.changed[0]).toEqual({ index: '20', a: 0, b: 1 });
  });

  it('turns around with its runs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 12 }),
        async (pairs) => {
          const side = (at: 0 | 1): Record<string, string> =>
            Object.fromEntries(pairs.map((pair, index) => [String(index), pair[at] ? 'A' : 'B']));
          const options = { benchmark: choices(pairs.length), resamples: 99 };
          const forth = await compareRuns({ ...options, a: side(0), b: side(1) });
          const back = await compareRuns({ ...options, a: side(1), b: side(0) });
          expect(Number(back.headline.difference)).toBeCloseTo(-Number(forth.headline.difference), 9);
          expect(Number(back.headline.low)).toBeCloseTo(-Number(forth.headline.high), 9);
          expect(back.headline.p).toBe(forth.headline.p);
          expect(back.mcnemar!.p).toBe(forth.mcnemar!.p);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is about the samples that both have, and reports the others', async () => {
    const a = { 0: 'A', 1: 'A', 2: 'B' };
    const b = { 1: 'A', 2: 'A', 3: 'A' };
    const report = await compareRuns({ benchmark: choices(5), a, b, resamples: 9 });
    expect(report).toMatchObject({ paired: 2, onlyInA: ['0'], onlyInB: ['3'], inNeither: 1 });
    expect(report.headline).toMatchObject({ a: 50, b: 100 });
    const none = compareRuns({ benchmark: choices(5), a: { 0: 'A' }, b: { 1: 'A' } });
    await expect(none).rejects.toMatchObject({ code: 'RUNS_MISMATCH' });
  });

  it('pairs circular groups, not rotations, and calls less errors better', async () => {
    const rows = Array.from({ length: 20 }, (_, at) => choice((at % 10) + (at < 10 ? 0 : 1_000_000)));
    const all = (letter: (at: number) => string): Record<string, string> =>
      Object.fromEntries(rows.map(({ index }) => [index, letter(Number(index) % 1_000_000)]));
    const report = await compareRuns({
      benchmark: inMemory('MMBench_DEV_EN', rows),
      a: all(() => 'A'),
      b: { ...all((at) => (at < 9 ? 'B' : 'A')), 9: 'A' },
      resamples: 199,
    });
    expect(report).toMatchObject({ clusters: 10, paired: 20, better: 'a', mcnemar: { onlyARight: 9, bothRight: 1 } });
    expect(report.changed).toHaveLength(9);

    const reading = await loadBenchmark('Reading', READING);
    const right: Record<string, string> = {};
    for await (const sample of reading.dataset.samples()) right[sample.index] = sample.cells['answer']!;
    const wrong = Object.fromEntries(Object.keys(right).map((index) => [index, '?']));
    const errors = await compareRuns({ benchmark: reading, a: right, b: wrong, resamples: 199 });
    expect(errors).toMatchObject({ better: 'a', headline: { a: 0, best: 0 } });
    expect(errors.mcnemar).toBeUndefined();
  });
});
