import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkChunk, defaultChunk } from './chunk-size.js';

describe('defaultChunk', () => {
  it('is 128 for the 8B model up to its full context, and less where attention scores grow', () => {
    const shape = { hiddenSize: 4096, headDim: 128 };
    expect(defaultChunk(shape, 8192)).toBe(128);
    expect(defaultChunk(shape, 32_768)).toBe(40);
  });

  it('is another number where one is preferred, within the same bounds', () => {
    const shape = { hiddenSize: 4096, headDim: 128 };
    expect(defaultChunk(shape, 1024, 256)).toBe(256);
    expect(defaultChunk(shape, 8192, 256)).toBe(152);
    expect(defaultChunk(shape, 32_768, 64)).toBe(40);
    expect(defaultChunk(shape, 32_768, 4)).toBe(4);
  });

  it('keeps activations within 192 MiB wherever eight positions do', () => {
    const sizes = fc.record({
      hiddenSize: fc.integer({ min: 1, max: 16_384 }),
      headDim: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 1_000_000 }), (shape, total) => {
        const chunk = defaultChunk(shape, total);
        const scores = 4 * chunk * Math.ceil(shape.hiddenSize / shape.headDim) * total;
        return chunk >= 8 && chunk <= 128 && (chunk === 8 || scores <= 192 * 1024 * 1024);
      }),
    );
  });
});

describe('checkChunk', () => {
  it('takes whole numbers from one on', () => {
    for (const positions of [undefined, 1, 4096]) expect(() => checkChunk(positions)).not.toThrow();
    for (const positions of [0, -1, 1.5, NaN]) {
      expect(() => checkChunk(positions)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
    }
  });
});
