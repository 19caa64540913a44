import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bitmapPixels, decodeWithBrowser } from './bitmap-decoder.js';
import { GOLDEN } from '../../test/golden.js';
import { decodeImage } from '../index.js';
import { createDecodeImage } from './decode-image.js';
import { browserPlatform } from './platform-browser.js';

/** A browser's bitmap whose pixels are known: 2 x 1, one opaque and one transparent pixel. */
class Bitmap {
  readonly width = 2;
  readonly height = 1;
  readonly rgba: readonly number[] = [10, 20, 30, 255, 40, 50, 60, 0];
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }
}

/** A canvas that composites as the specification says, for alphas of 0 and 255. */
class Canvas {
  readonly #pixels: Uint8ClampedArray;
  fillStyle = '#000000';

  constructor(width: number, height: number) {
    this.#pixels = new Uint8ClampedArray(width * height * 4);
  }

  getContext(): this {
    return this;
  }

  fillRect(): void {
    this.#pixels.fill(this.fillStyle === '#ffffff' ? 255 : 0);
  }

  drawImage({ rgba }: Bitmap): void {
    for (let i = 0; i < rgba.length; i += 4) if (rgba[i + 3] === 255) this.#pixels.set(rgba.slice(i, i + 4), i);
  }

  getImageData(): { data: Uint8ClampedArray } {
    return { data: this.#pixels };
  }
}

const overWhite = Uint8Array.of(10, 20, 30, 255, 255, 255);
const bitmap = new Bitmap();
const createImageBitmap = vi.fn<(blob: Blob, options: object) => Promise<Bitmap>>(async () => bitmap);

beforeEach(() => {
  vi.stubGlobal('OffscreenCanvas', Canvas);
  vi.stubGlobal('createImageBitmap', createImageBitmap);
});
afterEach(() => vi.unstubAllGlobals());

describe('in a browser', () => {
  it('reads bitmaps over white', async () => {
    expect(bitmapPixels(bitmap)).toEqual({ width: 2, height: 1, data: overWhite });
    expect(await decodeImage(bitmap)).toEqual({ width: 2, height: 1, data: overWhite, warnings: [] });
  });

  it('asks the browser for what the mode means, and frees the bitmap', async () => {
    expect(await decodeWithBrowser(Uint8Array.of(1), 'natural')).toEqual({ width: 2, height: 1, data: overWhite });
    expect(createImageBitmap).toHaveBeenLastCalledWith(expect.any(Blob), {
      imageOrientation: 'from-image',
      colorSpaceConversion: 'default',
      premultiplyAlpha: 'none',
    });
    expect(bitmap.isClosed).toBe(true);
    await decodeWithBrowser(Uint8Array.of(1), 'exact');
    expect(createImageBitmap).toHaveBeenLastCalledWith(expect.any(Blob), {
      imageOrientation: 'none',
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
  });

  it('holds bitmaps to the limits too', async () => {
    await expect(decodeImage(bitmap, { maxPixels: 1 })).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });

  it('refuses damaged files that a browser would paint in part', async () => {
    const decode = createDecodeImage(browserPlatform);
    const names = [
      `${GOLDEN}images/wide_1800x1000.jpg`,
      `${GOLDEN}images/webp_lossy.webp`,
      `${GOLDEN}images/grey_L.png`,
    ];
    for (const name of names) {
      const bytes = new Uint8Array(readFileSync(name));
      const cut = bytes.subarray(0, bytes.length >> 1);
      await expect(decode(bytes)).resolves.toMatchObject({ data: overWhite, warnings: [] });
      await expect(decode(cut)).rejects.toMatchObject({ name: 'InvalidImageError', code: 'IMAGE_TRUNCATED' });
      const remains = await decode(cut, { failOn: 'none' });
      expect(remains.warnings.map(({ code }) => code)).toEqual(['IMAGE_TRUNCATED']);
    }
  });

  it('says what is missing in an old one', async () => {
    vi.stubGlobal('createImageBitmap', undefined);
    const missing = { code: 'IMAGE_DECODER_MISSING' };
    await expect(decodeWithBrowser(Uint8Array.of(1), 'natural')).rejects.toMatchObject(missing);
    vi.stubGlobal('OffscreenCanvas', undefined);
    expect(() => bitmapPixels(bitmap)).toThrow(expect.objectContaining(missing));
  });
});
