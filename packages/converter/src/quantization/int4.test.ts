import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundTrip } from '../../test/dequantize.js';
import { normalNumbers } from '../../test/random-checkpoint.js';
import { quantizeInt4 } from './int4.js';
import { BLOCK_SIZES, ROUNDINGS, type BlockSize, type Rounding } from './scheme.js';

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const blockSize = fc.constantFrom(...BLOCK_SIZES);
const rounding = fc.constantFrom(...ROUNDINGS);
/** Blocks as networks have them: a common magnitude, and now and then an outlier. */
const plausible = fc
  .tuple(
    fc.integer(),
    fc.integer({ min: -12, max: 12 }),
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([seed, exponent, length, outliers]) => {
    const random = normalNumbers(seed);
    const values = Float32Array.from({ length }, () => random() * 2 ** exponent);
    for (let i = 0; i < outliers; i++) values[Math.floor(Math.abs(random()) * 97) % length]! *= 30;
    return values;
  });
const values = fc.oneof(
  plausible,
  fc.array(finite, { minLength: 1, maxLength: 300 }).map((list) => Float32Array.from(list)),
);

const scheme = (size: BlockSize, method: Rounding) => ({ bits: 4, blockSize: size, rounding: method }) as const;

function blocks(row: Float32Array, size: number): readonly Float32Array[] {
  return Array.from({ length: Math.ceil(row.length / size) }, (_, i) => row.subarray(i * size, (i + 1) * size));
}

function squaredError(actual: Float32Array, expected: Float32Array): number {
  return actual.reduce((sum, value, i) => sum + (value - expected[i]!) ** 2, 0);
}

const squares = (row: Float32Array): number => row.reduce((sum, value) => sum + value * value, 0);

describe('int4', () => {
  test('max-abs leaves at most one step, of an eighth of the largest value', () => {
    fc.assert(
      fc.property(values, blockSize, (row, size) => {
        const rounded = roundTrip(row, row.length, scheme(size, 'max-abs'));
        for (const [index, block] of blocks(row, size).entries()) {
          const largest = Math.max(...block.map(Math.abs));
          const difference = Math.max(...block.map((value, i) => Math.abs(value - rounded[index * size + i]!)));
          expect(difference).toBeLessThanOrEqual(largest / 8 + largest * 1e-6 + 1e-44);
        }
      }),
    );
  });

  test('least squares is never worse than max-abs, on any block', () => {
    fc.assert(
      fc.property(values, blockSize, (row, size) => {
        const fitted = blocks(roundTrip(row, row.length, scheme(size, 'least-squares')), size);
        const plain = blocks(roundTrip(row, row.length, scheme(size, 'max-abs')), size);
        for (const [index, block] of blocks(row, size).entries()) {
          const error = squaredError(plain[index]!, block);
          // Scales and the values that come back are float32.
          const tolerance = 1e-7 * Math.sqrt(squares(block) * error) + 1e-13 * squares(block) + 1e-88;
          expect(squaredError(fitted[index]!, block)).toBeLessThanOrEqual(error + tolerance);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('least squares takes a good part of the error away, more of it in large blocks', () => {
    const random = normalNumbers(3);
    const row = Float32Array.from({ length: 128 * 500 }, random);
    for (const [size, share] of [
      [32, 0.82],
      [64, 0.86],
      [128, 0.87],
    ] as const) {
      const [fitted, plain] = (['least-squares', 'max-abs'] as const).map((method) =>
        squaredError(roundTrip(row, row.length, scheme(size, method)), row),
      );
      expect(fitted! / plain!).toBeLessThan(share);
    }
  });

  test('a constant block keeps its value, zeros stay zeros', () => {
    fc.assert(
      fc.property(finite, blockSize, rounding, fc.integer({ min: 1, max: 130 }), (value, size, method, length) => {
        const row = new Float32Array(length).fill(value);
        const rounded = roundTrip(row, length, scheme(size, method));
        for (const back of rounded) expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.abs(value) * 2e-7 + 1e-44);
        expect(roundTrip(new Float32Array(length), length, scheme(size, method)).every((back) => back === 0)).toBe(
          true,
        );
      }),
    );
  });

  test('what is quantised already comes back as it is', () => {
    const codes = fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(codes, fc.integer({ min: 0, max: 15 }), fc.integer({ min: -20, max: 20 }), (list, zero, exponent) => {
        // With both ends of the range in use, no other scale and zero point fits.
        const row = Float32Array.from([0, 15, ...list.slice(2)], (code) => (code - zero) * 2 ** exponent);
        expect(squaredError(roundTrip(row, 32, scheme(32, 'least-squares')), row)).toBeLessThanOrEqual(
          squares(row) * 1e-13,
        );
      }),
    );
  });

  test('rows are apart: blocks never reach into the next row', () => {
    fc.assert(
      fc.property(plausible, plausible, blockSize, rounding, (a, b, size, method) => {
        const columns = Math.min(a.length, b.length);
        const rows = [a.subarray(0, columns), b.subarray(0, columns)];
        const together = roundTrip(Float32Array.from(rows.flatMap((row) => [...row])), columns, scheme(size, method));
        for (const [index, row] of rows.entries()) {
          const alone = roundTrip(row, columns, scheme(size, method));
          expect(together.subarray(index * columns, (index + 1) * columns)).toEqual(alone);
        }
      }),
    );
  });

  test('a value that is not finite is refused, with the tensor in the message', () => {
    fc.assert(
      fc.property(
        plausible,
        fc.constantFrom(NaN, Infinity, -Infinity),
        fc.nat(),
        rounding,
        (row, value, place, method) => {
          row[place % row.length] = value;
          const attempt = (): unknown => quantizeInt4(row, row.length, scheme(64, method), 'llm.some.weight');
          expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_DTYPE' }));
          expect(attempt).toThrow(`"llm.some.weight" holds ${value}`);
        },
      ),
    );
  });
});
