import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { GOLDEN, PILLOW, sha256 } from '../../test/golden.js';
import { pngFile } from '../../test/png.js';
import { decodeImage } from '../index.js';

const pixel = ({ data, width }: { data: Uint8Array; width: number }, x: number, y: number): number[] => [
  ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];

/** Lays a value over white. */
const overWhite = (value: number, alpha: number): number => (value * alpha + 255 * (255 - alpha)) / 255;

const worstDifference = (actual: ArrayLike<number>, expected: readonly number[]): number =>
  actual.length === expected.length
    ? expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0)
    : Infinity;

/** Four colours: red, green above, blue, yellow below. */
const quarters = sharp(
  Uint8Array.from({ length: 60 * 40 * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % 60, Math.floor(i / 180)];
    const colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]]; // prettier-ignore
    return colours[(y < 20 ? 0 : 2) + (x < 30 ? 0 : 1)]![i % 3]!;
  }),
  { raw: { width: 60, height: 40, channels: 3 } },
);

describe('natural mode', () => {
  // Where the stored top left corner (red) and top right corner (green) are seen, for orientations 1 to 8.
  const corners = [
    ['top left', 'top right'],
    ['top right', 'top left'],
    ['bottom right', 'bottom left'],
    ['bottom left', 'bottom right'],
    ['top left', 'bottom left'],
    ['top right', 'bottom right'],
    ['bottom right', 'top right'],
    ['bottom left', 'top left'],
  ] as const;

  it.each(corners.map((places, i) => [i + 1, ...places] as const))(
    'applies EXIF orientation %i',
    async (orientation, red, green) => {
      for (const format of ['jpeg', 'png', 'webp'] as const) {
        const file = await quarters
          .clone()
          .withMetadata({ orientation })
          .toFormat(format, { lossless: true })
          .toBuffer();
        const image = await decodeImage(file);
        expect([image.width, image.height]).toEqual(orientation < 5 ? [60, 40] : [40, 60]);
        const at = (place: string): number[] =>
          pixel(image, place.endsWith('left') ? 4 : image.width - 5, place.startsWith('top') ? 4 : image.height - 5);
        expect(worstDifference(at(red), [255, 0, 0])).toBeLessThanOrEqual(2);
        expect(worstDifference(at(green), [0, 255, 0])).toBeLessThanOrEqual(2);
        const stored = await decodeImage(file, { mode: 'exact' });
        expect([stored.width, stored.height]).toEqual([60, 40]);
      }
    },
  );

  it('lays transparent pixels over white', async () => {
    const rgba = pngFile(16, 16, { colourType: 6 });
    const colours = Array.from({ length: 16 * 16 * 4 }, (_, i) => (i * 37) & 255);
    const expected = colours.flatMap((value, i) => (i % 4 === 3 ? [] : [overWhite(value, colours[i - (i % 4) + 3]!)]));
    expect(worstDifference((await decodeImage(rgba)).data, expected)).toBeLessThanOrEqual(1);

    const greyAlpha = pngFile(16, 16, { colourType: 4 });
    const grey = Array.from({ length: 16 * 16 * 2 }, (_, i) => (i * 37) & 255);
    const expectedGrey = grey.flatMap((value, i) => (i % 2 === 1 ? [] : Array(3).fill(overWhite(value, grey[i + 1]!))));
    expect(worstDifference((await decodeImage(greyAlpha)).data, expectedGrey)).toBeLessThanOrEqual(1);
  });

  it('shows 16 bits by their high byte, grey or not', async () => {
    for (const [colourType, channels] of [
      [0, 1],
      [2, 3],
    ] as const) {
      const file = pngFile(16, 16, { colourType, bitDepth: 16 });
      const high = Array.from({ length: 16 * 16 * channels }, (_, i) => (i * 2 * 37) & 255);
      expect(
        worstDifference(
          (await decodeImage(file)).data,
          channels === 1 ? high.flatMap((value) => [value, value, value]) : high,
        ),
      ).toBeLessThanOrEqual(0);
    }
  });

  it('brings a colour profile to sRGB, where exact mode keeps the stored values', async () => {
    const file = await quarters.clone().withIccProfile('p3').png().toBuffer();
    const stored = await decodeImage(file, { mode: 'exact' });
    expect(pixel(stored, 45, 5)).not.toEqual([0, 255, 0]);
    expect(worstDifference(pixel(await decodeImage(file), 45, 5), [0, 255, 0])).toBeLessThanOrEqual(3);
  });

  it('makes the transparent index of a GIF white, where exact mode keeps its colour', async () => {
    const path = `${PILLOW}files/transparent.gif`;
    const [natural, exact] = [await decodeImage(path), await decodeImage(path, { mode: 'exact' })];
    const { data } = await sharp(readFileSync(path))
      .flatten({ background: '#ffffff' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(Buffer.from(natural.data).equals(data)).toBe(true);
    expect(natural.data).not.toEqual(exact.data);
  });

  it('makes the canvas around the frame of a GIF white', async () => {
    const image = await decodeImage(`${PILLOW}files/frame_in_screen.gif`);
    expect(pixel(image, 0, 0)).toEqual([255, 255, 255]);
  });

  it('lays a BMP with an alpha mask over white', async () => {
    const path = `${PILLOW}files/32bit_v4_bgra.bmp`;
    const file = readFileSync(path);
    const [natural, exact] = [await decodeImage(path), await decodeImage(path, { mode: 'exact' })];
    // The last stored row is the first of the picture.
    const alphas = Array.from({ length: 37 }, (_, x) => file[file.length - 37 * 4 + x * 4 + 3]!);
    const row = exact.data.subarray(0, 37 * 3);
    const expected = [...row].map((value, i) => overWhite(value, alphas[Math.floor(i / 3)]!));
    expect(worstDifference(natural.data.subarray(0, 37 * 3), expected)).toBeLessThanOrEqual(1);
  });

  it('shows plain pictures as exact mode does', async () => {
    for (const name of [
      'wide_1800x1000.jpg',
      'grey_L.png',
      'palette_16.png',
      'bilevel_1.png',
      'webp_lossy.webp',
      'bmp_rgb.bmp',
    ]) {
      const path = `${GOLDEN}images/${name}`;
      expect(sha256((await decodeImage(path)).data)).toBe(sha256((await decodeImage(path, { mode: 'exact' })).data));
    }
  });

  it('decodes CMYK by its colours', async () => {
    const image = await decodeImage(`${GOLDEN}images/cmyk.jpg`);
    expect(image.data.length).toBe(image.width * image.height * 3);
  });

  it('tells that only the first frame of an animation is seen', async () => {
    for (const path of [`${GOLDEN}images/animated.gif`, `${PILLOW}files/animated.webp`]) {
      const { warnings } = await decodeImage(path);
      expect(warnings).toMatchObject([{ code: 'IMAGE_FIRST_FRAME_ONLY' }]);
    }
  });
});

it('sees the first of 10,000 frames in the time of one', async () => {
  const single = readFileSync(`${PILLOW}files/transparent.gif`);
  const head = 13 + 768;
  const frame = single.subarray(head, -1);
  const frames = Array.from({ length: 10_000 }, () => frame);
  const animation = Buffer.concat([single.subarray(0, head), ...frames, single.subarray(-1)]);
  const started = performance.now();
  const image = await decodeImage(animation);
  expect(performance.now() - started).toBeLessThan(500);
  expect(image.data).toEqual((await decodeImage(single)).data);
  expect(image.warnings).toMatchObject([{ code: 'IMAGE_FIRST_FRAME_ONLY' }]);
});
