import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KvCache } from './kv-cache.js';

const shape = { layers: 1, kvHeads: 2, headDim: 4 };
const CHANNELS = shape.kvHeads * shape.headDim;

/** Rounds rows [kvHeads, count, headDim] as the engine does. */
function quantize(rows: Float32Array, scales: Float32Array, count: number): Int8Array {
  return Int8Array.from(rows, (value, i) => {
    const channel = Math.floor(i / (count * shape.headDim)) * shape.headDim + (i % shape.headDim);
    return Math.max(-128, Math.min(127, Math.round(value / scales[channel]!)));
  });
}

const scalesOf = (cache: KvCache): Float32Array => cache.inputs['scale.0.value']!.data as Float32Array;

describe('the scales of an int8 cache', () => {
  it('hold every row to within its rounding, however large later ones are', () => {
    const row = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), {
      minLength: CHANNELS,
      maxLength: CHANNELS,
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
        const cache = new KvCache(shape, 16, 'int8');
        rows.forEach((values, position) => {
          const range = Float32Array.from(values, Math.abs);
          cache.widen(1, range, position);
          expect(cache.widen(1, range, position)).toBe(false);
          cache.write(1, quantize(Float32Array.from(values), scalesOf(cache), 1), position, 1);
        });
        const stored = cache.inputs['past.0.value']!.data as Int8Array;
        rows.forEach((values, position) =>
          values.forEach((value, channel) => {
            const [head, i] = [Math.floor(channel / shape.headDim), channel % shape.headDim];
            const scale = scalesOf(cache)[channel]!;
            const read = stored[(head * 16 + position) * shape.headDim + i]! * scale;
            // Every widening rounds once more, by half a step of the scale it brings; scales grow by a tenth at least.
            expect(Math.abs(read - value)).toBeLessThanOrEqual(6 * scale);
          }),
        );
      }),
    );
  });

  it('of keys hold for both halves of a rotated pair', () => {
    const cache = new KvCache(shape, 16, 'int8');
    expect(cache.widen(0, Float32Array.of(1, 2, 3, 4), 0)).toBe(true);
    const scales = Array.from(cache.inputs['scale.0.key']!.data as Float32Array, (scale) => (scale * 127) / 1.1);
    for (const [i, expected] of [1, 2, 1, 2, 3, 4, 3, 4].entries()) expect(scales[i]).toBeCloseTo(expected, 5);
  });

  it('of a fork go their own way', () => {
    const cache = new KvCache(shape, 16, 'int8');
    cache.widen(1, new Float32Array(CHANNELS).fill(1), 0);
    const fork = cache.fork(0);
    fork.widen(1, new Float32Array(CHANNELS).fill(5), 0);
    expect(scalesOf(fork)[0]! / scalesOf(cache)[0]!).toBeCloseTo(5, 5);
  });

  it('are none for a float32 cache, which holds everything', () => {
    const cache = new KvCache(shape, 16);
    expect(cache.widen(1, new Float32Array(CHANNELS).fill(1e30), 0)).toBe(false);
    expect(Object.keys(cache.inputs)).toEqual(['past.0.key', 'past.0.value']);
  });
});
