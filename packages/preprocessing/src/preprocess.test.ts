import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GOLDEN } from '../test/golden.js';
import { preprocess, type RgbImage, sliceImage, toPatches } from './index.js';

const filled = (width: number, height: number, at: (i: number) => number): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => at(i)),
});

describe('toPatches', () => {
  it('places every pixel where the layout says', () => {
    const count = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(count, count, fc.constantFrom(2, 14), fc.nat(), (columns, rows, patchSize, seed) => {
        const [width, height] = [columns * patchSize, rows * patchSize];
        const slice = filled(width, height, (i) => (i * 31 + seed) % 256);
        const { pixelValues, targetSize } = toPatches(slice, { patchSize });
        expect(targetSize).toEqual([rows, columns]);
        const misplaced = slice.data.filter((value, i) => {
          const [channel, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
          const patch = Math.floor(y / patchSize) * columns + Math.floor(x / patchSize);
          const row = channel * patchSize + (y % patchSize);
          const actual = pixelValues[row * patchSize * columns * rows + patch * patchSize + (x % patchSize)];
          return actual !== Math.fround(Math.fround(Math.fround(value / 255) - 0.5) / 0.5);
        });
        expect(misplaced).toHaveLength(0);
      }),
      { numRuns: 25 },
    );
  });

  it('normalises each channel by its own mean and deviation', () => {
    const slice = filled(2, 2, (i) => [0, 51, 255][i % 3]!);
    const config = { patchSize: 2, normMean: [0, 0.2, 0.5], normStd: [1, 1, 0.25] } as const;
    const { pixelValues } = toPatches(slice, config);
    expect([pixelValues[0], pixelValues[8]]).toEqual([0, 2]);
    expect(pixelValues[4]).toBeCloseTo(0, 6);
  });

  it('refuses a side that is no multiple of the patch size', () => {
    expect(() => toPatches(filled(15, 14, () => 0))).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });
});

describe('preprocess', () => {
  it('gives the patches of the slices that sliceImage cuts, whatever the geometry', async () => {
    const side = fc.integer({ min: 1, max: 130 });
    const geometry = fc.record({
      maxSliceNums: fc.integer({ min: 1, max: 6 }),
      scaleResolution: fc.constantFrom(28, 56),
    });
    await fc.assert(
      fc.asyncProperty(side, side, geometry, async (width, height, config) => {
        const image = filled(width, height, (i) => (i * i) % 251);
        const { slices } = await preprocess(image, config);
        expect(slices).toEqual(sliceImage(image, config).map((slice) => toPatches(slice, config)));
      }),
      { numRuns: 25 },
    );
  });

  it('warns beyond 1:9, as data, and still does the work', async () => {
    const { slices, warnings } = await preprocess(filled(120, 10, () => 200));
    expect(slices).toHaveLength(1);
    expect(warnings).toEqual([
      {
        code: 'IMAGE_ASPECT_RATIO',
        message: 'The aspect ratio of the picture is 12.0; the model was trained up to 9.0',
        details: { width: 120, height: 10, ratio: 12, trained: 9 },
      },
    ]);
    expect((await preprocess(filled(10, 90, () => 200))).warnings).toEqual([]);
  });

  it('refuses a ratio beyond maxAspectRatio', async () => {
    await expect(
      preprocess(
        filled(120, 10, () => 0),
        { maxAspectRatio: 9 },
      ),
    ).rejects.toMatchObject({
      name: 'InvalidImageError',
      code: 'IMAGE_ASPECT_RATIO',
    });
  });

  it('makes one enlarged slice of a single pixel', async () => {
    const { slices, plan } = await preprocess({ width: 1, height: 1, data: Uint8Array.of(0, 127, 255) });
    expect(plan).toMatchObject({ grid: null, visionTokens: 96 });
    expect(slices[0]!.targetSize).toEqual([32, 32]);
    expect(new Set(slices[0]!.pixelValues)).toEqual(new Set([-1, Math.fround(-0.003921568393707275), 1]));
  });

  it('tells sizes in EXIF order by default, and as stored in exact mode', async () => {
    const file = `${GOLDEN}images/exif_orientation_6.jpg`;
    const [natural, exact] = [await preprocess(file), await preprocess(file, { mode: 'exact' })];
    expect([exact.plan.width, exact.plan.height]).toEqual([natural.plan.height, natural.plan.width]);
    expect(natural.plan.height).toBeGreaterThan(natural.plan.width);
  });

  it('passes on the warning about further frames', async () => {
    const { warnings } = await preprocess(`${GOLDEN}images/animated.gif`);
    expect(warnings.map(({ code }) => code)).toEqual(['IMAGE_FIRST_FRAME_ONLY']);
  });

  it('stops within a large picture when aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    // Due before the first turn ends, however few turns a fast machine takes.
    setTimeout(() => controller.abort(reason), 0);
    const pending = preprocess(
      { width: 6000, height: 4000, data: new Uint8Array(72_000_000) },
      { signal: controller.signal },
    );
    await expect(pending).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: reason });
  });

  it('does nothing when aborted before', async () => {
    const signal = AbortSignal.abort();
    await expect(
      preprocess(
        filled(1, 1, () => 9),
        { signal },
      ),
    ).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
