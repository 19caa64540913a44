import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noise } from '../test/pillow-cases.js';
import { simdNormalizer, tableNormalizer } from './normalize.js';

it('gives the same bits with SIMD and with tables, and writes nothing else', () => {
  const value = fc.double({ min: 0.01, max: 2, noNaN: true });
  const channels = fc.tuple(value, value, value);
  fc.assert(
    fc.property(channels, channels, fc.integer({ min: 1, max: 90 }), fc.nat(), (mean, std, width, seed) => {
      const pixels = noise(seed, width * 3);
      const plane = width + (seed % 7);
      const [bySimd, byTable] = [simdNormalizer(mean, std)!, tableNormalizer(mean, std)].map((normalize) => {
        const target = new Float32Array(plane * 3 + 8);
        normalize(pixels, target, 3, plane);
        return Buffer.from(target.buffer);
      });
      expect(Buffer.compare(bySimd!, byTable!)).toBe(0);
    }),
  );
});

it('gives the same bits for every byte', () => {
  const pixels = Uint8Array.from({ length: 768 }, (_, i) => i / 3);
  const [bySimd, byTable] = [new Float32Array(768), new Float32Array(768)];
  simdNormalizer([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])!(pixels, bySimd, 0, 256);
  tableNormalizer([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])(pixels, byTable, 0, 256);
  expect(bySimd).toEqual(byTable);
  expect([byTable[0], byTable[255]]).toEqual([-1, 1]);
});
