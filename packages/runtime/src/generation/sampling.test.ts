import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from './random.js';
import { argmax, candidateProbabilities, penalizeRepetition, sampleToken } from './sampling.js';

const scores = fc
  .array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 400 })
  .map((values) => Float32Array.from(values));
const settings = fc.record({
  temperature: fc.double({ min: 0.05, max: 10, noNaN: true }),
  topK: fc.integer({ min: 0, max: 450 }),
  topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
});

/** Rounding of a sum of some hundred weights. */
const ROUNDING = 1e-9;

/** The vocabulary by descending score, cut by top-k, with the share of each token after temperature. */
function sortedShares(
  values: Float32Array,
  { temperature, topK }: { temperature: number; topK: number },
): { id: number; share: number }[] {
  const sorted = Array.from(values, (score, id) => ({ score, id })).toSorted(
    (a, b) => b.score - a.score || a.id - b.id,
  );
  const kept = topK === 0 ? sorted : sorted.slice(0, topK);
  const weights = kept.map(({ score }) => Math.exp((score - sorted[0]!.score) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return kept.map(({ id }, index) => ({ id, share: weights[index]! / total }));
}

describe('candidateProbabilities', () => {
  it('keeps what temperature, top-k and top-p keep, in order', () => {
    fc.assert(
      fc.property(scores, settings, (values, chosen) => {
        const candidates = candidateProbabilities(values, chosen);
        const kept = sortedShares(values, chosen).slice(0, candidates.length);
        expect(candidates.map(({ id }) => id)).toEqual(kept.map(({ id }) => id));
        const mass = kept.reduce((sum, { share }) => sum + share, 0);
        expect(mass).toBeGreaterThan(chosen.topP - ROUNDING);
        expect(mass - kept.at(-1)!.share).toBeLessThan(chosen.topP + ROUNDING);
        expect(candidates.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
        expect(candidates.every(({ probability }, i) => i === 0 || probability <= candidates[i - 1]!.probability)).toBe(
          true,
        );
      }),
    );
  });

  it('keeps the lowest ids among equals at the border of top-k', () => {
    const values = Float32Array.of(1, 3, 2, 2, 2);
    expect(candidateProbabilities(values, { temperature: 1, topK: 3, topP: 1 }).map(({ id }) => id)).toEqual([1, 2, 3]);
  });
});

describe('sampleToken', () => {
  it('draws only candidates, and the same ones for the same seed', () => {
    fc.assert(
      fc.property(scores, settings, fc.nat(), (values, chosen, seed) => {
        const draw = (): number[] => {
          const random = createRandom(seed);
          return Array.from({ length: 5 }, () => sampleToken(values, chosen, random));
        };
        const drawn = draw();
        const allowed = new Set(candidateProbabilities(values, chosen).map(({ id }) => id));
        expect(drawn.every((id) => allowed.has(id))).toBe(true);
        expect(draw()).toEqual(drawn);
      }),
    );
  });

  it('draws with the probabilities it names', () => {
    const values = Float32Array.of(0, Math.log(2), Math.log(5));
    const random = createRandom(3);
    const counts = [0, 0, 0];
    for (let i = 0; i < 40_000; i++) counts[sampleToken(values, { temperature: 1, topK: 0, topP: 1 }, random)]! += 1;
    for (const [id, share] of [1 / 8, 2 / 8, 5 / 8].entries())
      expect(Math.abs(counts[id]! / 40_000 - share)).toBeLessThan(0.01);
  });
});

describe('argmax', () => {
  it('takes the first of equals and refuses what is not finite', () => {
    expect(argmax(Float32Array.of(1, 5, 5))).toBe(1);
    expect(argmax(Float32Array.of(1, NaN, 5))).toBe(-1);
    expect(argmax(Float32Array.of(1, Infinity))).toBe(-1);
    expect(argmax(Float32Array.of(-Infinity, -Infinity))).toBe(-1);
    expect(argmax(Float32Array.of(-Infinity, -3))).toBe(1);
  });
});

describe('penalizeRepetition', () => {
  it('lowers each given token once, whatever its sign', () => {
    const values = Float32Array.of(2, -2, 2, 0);
    penalizeRepetition(values, [0, 1, 0, 3], 2);
    expect(Array.from(values)).toEqual([1, -4, 2, 0]);
  });
});

describe('createRandom', () => {
  it('is the same everywhere', () => {
    const random = createRandom(42);
    const values = [random(), random(), random()];
    const again = createRandom(42);
    expect([again(), again(), again()]).toEqual(values);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('tells apart seeds that differ in their high bits only', () => {
    expect(createRandom(1)()).not.toBe(createRandom(1 + 2 ** 40)());
  });

  it.each([-1, 1.5, NaN, 2 ** 53])('refuses seed %s', (seed) => {
    expect(() => createRandom(seed)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });
});
