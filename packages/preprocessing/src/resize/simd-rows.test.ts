import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compileKernel as compileSource } from '../../../../tools/kernel/compile.mjs';
import { PILLOW, readJson, sha256 } from '../../test/golden.js';
import { noise, type PillowCases } from '../../test/pillow-cases.js';
import type { RgbImage } from '../image.js';
import { KERNEL_BASE64 } from './kernel-binary.js';
import { acquireKernel, releaseKernel } from './kernel.js';
import type { Row } from './row.js';
import { scalarRows } from './scalar-rows.js';
import { simdRows } from './simd-rows.js';

/** The bytes of the rows of a picture of that width. */
const collect = (rows: Iterable<Row>, width: number): Buffer =>
  Buffer.concat(Array.from(rows, ({ data, offset }) => data.slice(offset, offset + width * 3)));

const simd = (image: RgbImage, width: number, height: number): Iterable<Row> => {
  const rows = simdRows(image, width, height);
  if (rows === null) throw new Error('There is no SIMD here, or nothing to resize');
  return rows;
};

const side = fc.integer({ min: 1, max: 70 });
/** Also sides that shrink by hundreds, where a weight is small and there are many. */
const longSide = fc.oneof({ weight: 5, arbitrary: side }, fc.integer({ min: 500, max: 2500 }));
/** Rows of a few bytes repeat them; black and white give the largest sums. */
const image = fc.tuple(longSide, side, fc.boolean(), fc.nat(), fc.boolean()).map(([a, b, isTall, seed, isExtreme]) => {
  const [width, height] = isTall ? [b, a] : [a, b];
  const data = noise(seed, width * height * 3);
  return { width, height, data: isExtreme ? data.map((value) => (value < 128 ? 0 : 255)) : data };
});

const api: unknown = Reflect.get(globalThis, 'WebAssembly');
const refuseSimd = (): never => {
  throw new SyntaxError('invalid value type 0x7b');
};

it('is what kernel/resample.ts compiles to', async () => {
  expect(
    Buffer.from(await compileSource(new URL('../../kernel/resample.ts', import.meta.url))).toString('base64'),
  ).toBe(KERNEL_BASE64);
});

describe('rows by SIMD', () => {
  it('equal the rows without it, for every size', () => {
    fc.assert(
      fc.property(image, side, side, (source, width, height) => {
        fc.pre(width !== source.width || height !== source.height);
        expect(
          collect(simd(source, width, height), width).equals(collect(scalarRows(source, width, height), width)),
        ).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('equal them when one side is kept', () => {
    fc.assert(
      fc.property(image, side, (source, size) => {
        const { width, height } = source;
        for (const [toWidth, toHeight] of [
          [width, size],
          [size, height],
        ] as const) {
          if (toWidth === width && toHeight === height) continue;
          const rows = collect(simd(source, toWidth, toHeight), toWidth);
          expect(rows.equals(collect(scalarRows(source, toWidth, toHeight), toWidth))).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('have nothing to do for a picture that keeps its size', () => {
    expect(simdRows({ width: 2, height: 1, data: new Uint8Array(6) }, 2, 1)).toBeNull();
  });

  it('keep apart what is resized at the same time', () => {
    const pictures = [1, 2, 3, 4, 5, 6].map((seed) => ({ width: 40, height: 30, data: noise(seed, 3600) }));
    const started = pictures.map((picture) => simd(picture, 20, 10)[Symbol.iterator]());
    const rows: Uint8Array[][] = pictures.map(() => []);
    for (let y = 0; y < 10; y++) {
      started.forEach((iterator, at) => {
        const { data, offset } = iterator.next().value as Row;
        rows[at]!.push(data.slice(offset, offset + 60));
      });
    }
    expect(rows.map((parts) => Buffer.concat(parts))).toEqual(
      pictures.map((picture) => collect(scalarRows(picture, 20, 10), 20)),
    );
  });

  it('give their memory back, also when nobody reads to the end', () => {
    const picture = { width: 40, height: 30, data: noise(1, 3600) };
    const kept = acquireKernel(1);
    expect(kept).not.toBeNull();
    releaseKernel(kept!);
    const rows = simd(picture, 20, 10)[Symbol.iterator]();
    rows.next();
    rows.return?.();
    expect(acquireKernel(1)).toBe(kept);
    releaseKernel(kept!);
  });
});

it('asks for no more memory than WebAssembly can have', () => {
  expect(acquireKernel(2 ** 33)).toBeNull();
});

describe.each([
  ['none', undefined],
  ['one that knows no SIMD', { Module: refuseSimd }],
  ['the one of this runtime', api],
])('with WebAssembly: %s', (_, available) => {
  afterEach(() => vi.unstubAllGlobals());

  it('resizes as Pillow does', async () => {
    vi.resetModules();
    vi.stubGlobal('WebAssembly', available);
    const { compileKernel } = await import('./kernel.js');
    const { resizeBicubic } = await import('./bicubic.js');
    expect(compileKernel() !== null).toBe(available === api);
    for (const { seed, from, to, sha256: expected } of readJson<PillowCases>(`${PILLOW}expected.json`).resized) {
      const [width, height] = from;
      const resized = resizeBicubic({ width, height, data: noise(seed, width * height * 3) }, ...to);
      expect(sha256(resized.data)).toBe(expected);
    }
  });
});
