import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { halfValue } from '../../test/random-checkpoint.js';
import { convertWeights, roundToHalf } from './float.js';

const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;
const valueOf = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!;
const allHalves = Uint16Array.from({ length: 65_536 }, (_, half) => half);

describe('float16', () => {
  test('every bit pattern widens to its value', () => {
    const bits = convertWeights(new Uint8Array(allHalves.buffer.slice(0)), 'F16', 'float32', 'w');
    const values = new Float32Array(bits.buffer);
    for (const half of allHalves) expect(values[half]).toBe(halfValue(half));
  });

  test('every value narrows back to its bits', () => {
    for (const half of allHalves.filter((bits) => !Number.isNaN(halfValue(bits)))) {
      expect(roundToHalf(bitsOf(halfValue(half)))).toBe(half);
    }
  });

  test('rounds to the nearest, ties to even', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bfe }), fc.double({ min: 0, max: 1, noNaN: true }), (half, part) => {
        const [low, high] = [halfValue(half), halfValue(half + 1)];
        const value = Math.fround(low + (high - low) * part);
        const rounded = halfValue(roundToHalf(bitsOf(value)));
        const [toLow, toHigh] = [value - low, high - value];
        const nearest = toLow < toHigh ? low : toHigh < toLow ? high : half % 2 === 0 ? low : high;
        expect(rounded).toBe(nearest);
        expect(halfValue(roundToHalf(bitsOf(-value)))).toBe(-nearest);
      }),
      { numRuns: 2000 },
    );
  });

  test('NaN stays NaN, infinity infinity', () => {
    expect(halfValue(roundToHalf(bitsOf(NaN)))).toBeNaN();
    expect(halfValue(roundToHalf(bitsOf(-Infinity)))).toBe(-Infinity);
  });

  test('a value that has no float16 is refused by name', () => {
    const bytes = new Uint8Array(Float32Array.of(1, 65_520).buffer);
    expect(() => convertWeights(bytes, 'F32', 'float16', 'tensor w')).toThrow('tensor w: a value beyond 65504');
    const largest = convertWeights(new Uint8Array(Float32Array.of(65_519).buffer), 'F32', 'float16', 'w');
    expect(halfValue(largest[0]!)).toBe(65_504);
  });
});

test('bfloat16 widens by its bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), (bits) => {
      const [wide] = convertWeights(new Uint8Array(Uint16Array.of(bits).buffer), 'BF16', 'float32', 'w');
      expect(valueOf(wide!)).toBe(valueOf(bits * 65_536));
    }),
  );
});
