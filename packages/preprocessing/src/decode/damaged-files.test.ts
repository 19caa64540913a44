import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GOLDEN, PILLOW } from '../../test/golden.js';
import { InvalidImageError } from '../errors.js';
import type { RgbImage } from '../image.js';
import { decodeImage } from '../index.js';

// `npm run fuzz` runs this file with 10,000 mutations.
describe('damaged files', () => {
  const names = [
    ...[
      'cmyk.jpg',
      'grey_L.png',
      'palette_trns_bytes.png',
      'webp_lossless_alpha.webp',
      'animated.gif',
      'bmp_rgb.bmp',
    ].map((name) => `${GOLDEN}images/${name}`),
    ...[
      '8bit_rle.bmp',
      '32bit_v4_rgba.bmp',
      'interlaced.gif',
      'animated.webp',
      'progressive.jpg',
      'restart_markers.jpg',
    ].map((name) => `${PILLOW}files/${name}`),
  ];
  const runs = Number(process.env['POCKETLENS_FUZZ_RUNS'] ?? 300);
  const originals = names.map((name) => new Uint8Array(readFileSync(name)));
  const numbers = fc.constantFrom(
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [0, 0, 0, 128],
    [127, 255, 255, 255],
    [0, 1, 0, 1],
  );
  const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: position, bits: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant('number' as const), at: position, bytes: numbers }),
    fc.record({ kind: fc.constant('early number' as const), at: position, bytes: numbers }),
    fc.record({ kind: fc.constant('cut' as const), at: position }),
    fc.record({ kind: fc.constant('splice' as const), at: position, from: position }),
  );

  type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

  const mutate = (original: Uint8Array, change: Mutation): Uint8Array => {
    const bytes = original.slice();
    const at = Math.floor(change.at * bytes.length);
    if (change.kind === 'cut') return bytes.subarray(0, at);
    if (change.kind === 'splice') return bytes.copyWithin(at, Math.floor(change.from * bytes.length));
    const place = change.kind === 'early number' ? Math.floor(change.at * Math.min(64, bytes.length)) : at;
    const values = change.kind === 'flip' ? [(bytes[at] ?? 0) ^ change.bits] : change.bytes;
    values.slice(0, bytes.length - place).forEach((value, i) => (bytes[place + i] = value));
    return bytes;
  };

  it('give a picture or an InvalidImageError, in bounded time', { timeout: 60_000 + runs * 200 }, async () => {
    const file = fc.nat({ max: names.length - 1 });
    const mode = fc.constantFrom('natural' as const, 'exact' as const);
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        mode,
        fc.constantFrom('error' as const, 'none' as const),
        async (index, changes, chosen, failOn) => {
          const bytes = changes.reduce(mutate, originals[index]!);
          const started = performance.now();
          const outcome = await decodeImage(bytes, { mode: chosen, failOn, maxPixels: 4_000_000 }).catch(
            (error: unknown) => error,
          );
          expect(performance.now() - started).toBeLessThan(5000);
          const { width, height, data } = outcome as Partial<RgbImage>;
          const isPicture = data !== undefined && data.length === (width ?? 0) * (height ?? 0) * 3;
          expect([outcome, isPicture || outcome instanceof InvalidImageError]).toEqual([outcome, true]);
        },
      ),
      { numRuns: runs },
    );
  });
});
