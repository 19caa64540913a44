import { ImageDecoderMissingError } from '../errors.js';
import type { RgbImage } from '../image.js';
import type { BitmapInput } from './image-input.js';

interface Context2d {
  fillStyle: string;
  fillRect(x: number, y: number, width: number, height: number): void;
  drawImage(bitmap: BitmapInput, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
}

/** The two browser interfaces that decoding needs, as far as it needs them. */
interface BrowserCanvas {
  readonly createImageBitmap?: (blob: Blob, options: Readonly<Record<string, string>>) => Promise<BitmapInput>;
  readonly OffscreenCanvas?: new (
    width: number,
    height: number,
  ) => {
    getContext(
      type: '2d',
      options: { readonly willReadFrequently: boolean; readonly colorSpace: string },
    ): Context2d | null;
  };
}

// Node's types know neither; both are looked for before they are used.
const browser = (): BrowserCanvas => globalThis as BrowserCanvas;

const missing = (name: string): ImageDecoderMissingError =>
  new ImageDecoderMissingError(`Expected ${name} to decode a picture without Node but it is not there`, {
    hint: 'Use a current browser, or pass RGB pixels',
  });

/** Reads the pixels of a bitmap over white. */
export const bitmapPixels = (bitmap: BitmapInput): RgbImage => {
  const { OffscreenCanvas } = browser();
  if (OffscreenCanvas === undefined) throw missing('OffscreenCanvas');
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true, colorSpace: 'srgb' });
  if (context === null) throw missing('a 2d canvas');
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let read = 0, write = 0; read < rgba.length; read += 4, write += 3) {
    data[write] = rgba[read]!;
    data[write + 1] = rgba[read + 1]!;
    data[write + 2] = rgba[read + 2]!;
  }
  return { width, height, data };
};

/**
 * Decodes with the browser's own decoders. `natural` applies EXIF orientation and colour profile; `exact` does not, but a browser
 * cannot give the colour under transparent pixels, 16-bit grey or Pillow's CMYK: those are equal in Node only.
 */
export const decodeWithBrowser = async (
  bytes: Uint8Array<ArrayBuffer>,
  mode: 'natural' | 'exact',
): Promise<RgbImage> => {
  const { createImageBitmap } = browser();
  if (createImageBitmap === undefined) throw missing('createImageBitmap');
  const isExact = mode === 'exact';
  const bitmap = await createImageBitmap(new Blob([bytes]), {
    imageOrientation: isExact ? 'none' : 'from-image',
    colorSpaceConversion: isExact ? 'none' : 'default',
    premultiplyAlpha: 'none',
  });
  try {
    return bitmapPixels(bitmap);
  } finally {
    bitmap.close();
  }
};
