import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GOLDEN, sha256 } from '../test/golden.js';
import { type ImageInputs, preprocess, preprocessBatch, type RgbImage } from './index.js';

const file = (name: string): string => `${GOLDEN}images/${name}`;
const FILES = ['small_noise.png', 'animated.gif', 'jpeg_422.jpg', 'bmp_rgb.bmp'].map(file);

const digest = ({ plan, slices, warnings }: ImageInputs): object => ({
  plan,
  warnings,
  slices: slices.map(({ targetSize, pixelValues }) => [targetSize, sha256(pixelValues)]),
});

describe('preprocessBatch', () => {
  it('gives what preprocess gives for each picture, in their order', async () => {
    const pixels: RgbImage = { width: 20, height: 10, data: new Uint8Array(600).fill(9) };
    const images = [...FILES, pixels, new Uint8Array(readFileSync(FILES[0]!))];
    const expected = await Promise.all(images.map((image) => preprocess(image, { mode: 'exact' })));
    const batch = await preprocessBatch(images, { mode: 'exact' });
    expect(batch.map(digest)).toEqual(expected.map(digest));
    expect(await preprocessBatch([])).toEqual([]);
  });

  it('refuses nine pictures for a limit of eight before it reads any', async () => {
    const unreadable = Array.from({ length: 9 }, () => 'nowhere.png');
    await expect(preprocessBatch(unreadable, { maxImages: 8 })).rejects.toMatchObject({
      code: 'ARGUMENT_RANGE',
      message: 'Expected at most 8 images but received 9',
    });
    expect(await preprocessBatch(FILES, { maxImages: 4 })).toHaveLength(4);
  });

  it('says which picture failed', async () => {
    const images = [FILES[0]!, FILES[1]!, new Uint8Array(), FILES[2]!];
    await expect(preprocessBatch(images)).rejects.toMatchObject({
      name: 'InvalidImageError',
      code: 'IMAGE_EMPTY',
      message: 'Image 3 of 4: Expected a picture but received 0 bytes',
      details: { index: 2 },
    });
    await expect(preprocessBatch([FILES[0]!, 'https://example.org/a.png'])).rejects.toMatchObject({
      code: 'ARGUMENT_RANGE',
      details: { index: 1 },
    });
  });

  it('stops all pictures when aborted', async () => {
    const controller = new AbortController();
    const pending = preprocessBatch([file('square_1344.png'), file('wide_1800x1000.jpg')], {
      signal: controller.signal,
    });
    controller.abort('enough');
    await expect(pending).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });
});
