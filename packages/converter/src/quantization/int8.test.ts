import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundTrip } from '../../test/dequantize.js';
import { quantizeInt8 } from './int8.js';

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const row = fc.array(finite, { minLength: 1, maxLength: 300 }).map((list) => Float32Array.from(list));

describe('int8', () => {
  test('leaves at most half a step, of the largest value over 127', () => {
    fc.assert(
      fc.property(row, (values) => {
        const rounded = roundTrip(values, values.length, { bits: 8 });
        const largest = Math.max(...values.map(Math.abs));
        for (const [i, value] of values.entries()) {
          expect(Math.abs(value - rounded[i]!)).toBeLessThanOrEqual(largest / 254 + largest * 1e-6 + 2e-43);
        }
      }),
    );
  });

  test('rows have scales of their own, zeros stay zeros', () => {
    fc.assert(
      fc.property(row, (values) => {
        const columns = values.length;
        const rows = Float32Array.from([...values, ...new Float32Array(columns), ...values.map((value) => value / 4)]);
        const { codes, scales } = quantizeInt8(rows, columns, 'test');
        expect(scales[1]).toBe(0);
        expect(codes.subarray(columns, 2 * columns)).toEqual(new Int8Array(columns));
        expect(codes.every((code) => code >= -127)).toBe(true);
      }),
    );
  });

  test('a value that is not finite is refused, with the tensor in the message', () => {
    fc.assert(
      fc.property(row, fc.constantFrom(NaN, Infinity, -Infinity), fc.nat(), (values, value, place) => {
        values[place % values.length] = value;
        const attempt = (): unknown => quantizeInt8(values, values.length, 'some.weight');
        expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_DTYPE' }));
        expect(attempt).toThrow(`"some.weight" holds ${value}`);
      }),
    );
  });
});
