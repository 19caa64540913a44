import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measure, median } from './samples.js';

describe('median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('has as many values below as above', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const middle = median(values);
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });
});

describe('measure', () => {
  it('warms up once and then counts every round', async () => {
    let calls = 0;
    const samples = await measure(async () => void calls++, { rounds: 4, budgetMs: 60_000 });
    expect(calls).toBe(5);
    expect(samples.rounds).toBe(4);
    expect(samples.bestMs).toBeLessThanOrEqual(samples.ms);
  });

  it('counts the first round when there is no time for another', async () => {
    let calls = 0;
    const samples = await measure(async () => void calls++, { rounds: 4, budgetMs: 0 });
    expect(calls).toBe(1);
    expect(samples.rounds).toBe(1);
  });

  it('counts processor time', async () => {
    const spin = async (): Promise<void> => {
      const end = performance.now() + 30;
      while (performance.now() < end);
    };
    const { cpuMs, ms } = await measure(spin, { rounds: 2, budgetMs: 60_000 });
    expect(ms).toBeGreaterThanOrEqual(30);
    expect(cpuMs).toBeGreaterThan(0);
  });

  it('ends with what the work throws', async () => {
    const fail = (): Promise<void> => Promise.reject(new Error('no'));
    await expect(measure(fail, { rounds: 1, budgetMs: 1 })).rejects.toThrow('no');
  });
});
