import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resizeBicubic } from './bicubic.js';
import { axisWeights, PRECISION_BITS } from './coefficients.js';

const side = fc.integer({ min: 1, max: 90 });
const byte = fc.integer({ min: 0, max: 255 });
const image = fc
  .tuple(side, side)
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data) => ({ width, height, data })),
  );

describe('resizeBicubic', () => {
  it('keeps a constant picture constant', () => {
    fc.assert(
      fc.property(side, side, side, side, fc.tuple(byte, byte, byte), (width, height, toWidth, toHeight, colour) => {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!);
        const resized = resizeBicubic({ width, height, data }, toWidth, toHeight);
        expect(resized.data.every((value, i) => value === colour[i % 3])).toBe(true);
      }),
    );
  });

  it('copies a picture that keeps its size', () => {
    fc.assert(
      fc.property(image, (source) => {
        const resized = resizeBicubic(source, source.width, source.height);
        expect(resized).toEqual(source);
        expect(resized.data).not.toBe(source.data);
      }),
      { numRuns: 30 },
    );
  });

  it('treats the channels alike and apart', () => {
    fc.assert(
      fc.property(image, side, side, ({ width, height, data }, toWidth, toHeight) => {
        const grey = data.map((_, i) => data[i - (i % 3)]!);
        const mixed = data.map((value, i) => (i % 3 === 0 ? value : 0));
        const [fromGrey, fromMixed] = [grey, mixed].map((pixels) =>
          resizeBicubic({ width, height, data: pixels }, toWidth, toHeight),
        );
        expect(fromGrey!.data.every((value, i) => value === fromGrey!.data[i - (i % 3)])).toBe(true);
        expect(fromMixed!.data.every((value, i) => value === (i % 3 === 0 ? fromGrey!.data[i] : 0))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('passes first over the width, then over the height', () => {
    fc.assert(
      fc.property(image, side, side, (source, toWidth, toHeight) => {
        const inTwoSteps = resizeBicubic(resizeBicubic(source, toWidth, source.height), toWidth, toHeight);
        expect(resizeBicubic(source, toWidth, toHeight)).toEqual(inTwoSteps);
      }),
      { numRuns: 30 },
    );
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses the target side %d', (size) => {
    const source = { width: 1, height: 1, data: new Uint8Array(3) };
    expect(() => resizeBicubic(source, size, 1)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
    expect(() => resizeBicubic(source, 1, size)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });

  it('refuses data of another length than the sizes say', () => {
    expect(() => resizeBicubic({ width: 448, height: 448, data: new Uint8Array(602_111) }, 1, 1)).toThrow(
      expect.objectContaining({
        code: 'ARGUMENT_RANGE',
        message: 'Expected 448 x 448 x 3 = 602112 values for image.data but received 602111',
      }),
    );
  });
});

describe('axisWeights', () => {
  it('reads within the picture and sums to one, but for the rounding of each weight', () => {
    const length = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(length, fc.integer({ min: 1, max: 500 }), (inputSize, outputSize) => {
        const { first, taps, stride, weights } = axisWeights(inputSize, outputSize);
        for (let i = 0; i < outputSize; i++) {
          const count = taps[i]!;
          expect(first[i]).toBeGreaterThanOrEqual(0);
          expect(count).toBeGreaterThanOrEqual(1);
          expect(count).toBeLessThanOrEqual(stride);
          expect(first[i]! + count).toBeLessThanOrEqual(inputSize);
          const sum = weights.subarray(i * stride, i * stride + count).reduce((total, weight) => total + weight, 0);
          expect(Math.abs(sum - 2 ** PRECISION_BITS)).toBeLessThanOrEqual(count / 2 + 1);
        }
      }),
      { numRuns: 60 },
    );
  });
});
