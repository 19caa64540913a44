import { InvalidImageError } from '../errors.js';
import { readBmpHeader } from './bmp-header.js';
import { readGifHeader } from './gif-header.js';
import { readJpegHeader } from './jpeg-header.js';
import { readPngHeader } from './png-header.js';
import { FORMAT_NAMES, refuseFormat, sniffFormat } from './sniff-format.js';
import type { ImageFormat } from './sniff-format.js';
import { readWebpHeader } from './webp-header.js';

/** What the first bytes of a picture say, read without decoding it. */
export interface ImageHeader {
  readonly format: ImageFormat;
  /** As stored: EXIF orientation is not applied. */
  readonly width: number;
  readonly height: number;
  /** Colour channels and alpha, as stored; 1 for a palette. */
  readonly channels: number;
  /** Bits of one channel. */
  readonly bitDepth: number;
  /** True when more frames follow the first. */
  readonly isAnimated: boolean;
}

/** What a format's own reader finds; the rest is filled in by `readImageHeader`. */
export type HeaderFields = Omit<ImageHeader, 'format'>;

const READERS: Readonly<Record<ImageFormat, (bytes: Uint8Array) => HeaderFields>> = {
  png: readPngHeader,
  jpeg: readJpegHeader,
  webp: readWebpHeader,
  gif: readGifHeader,
  bmp: readBmpHeader,
};

/**
 * Reads format and size of a picture from its header, in time that does not depend on the size it claims.
 *
 * @throws {InvalidImageError} `IMAGE_EMPTY` without bytes, `IMAGE_FORMAT` for any format but PNG, JPEG, WebP, GIF and BMP or a header
 * that makes no sense, `IMAGE_TRUNCATED` when the bytes end within the header
 */
export const readImageHeader = (bytes: Uint8Array): ImageHeader => {
  if (bytes.length === 0) {
    throw new InvalidImageError('IMAGE_EMPTY', 'Expected a picture but received 0 bytes', { details: { bytes: 0 } });
  }
  const format = sniffFormat(bytes) ?? refuseFormat(bytes);
  let fields: HeaderFields;
  try {
    fields = READERS[format](bytes);
  } catch (error) {
    // The only thing a DataView throws: the header asks for bytes beyond the end.
    if (!(error instanceof RangeError)) throw error;
    throw new InvalidImageError(
      'IMAGE_TRUNCATED',
      `The ${FORMAT_NAMES[format]} ends within its header, after ${bytes.length} bytes`,
      {
        hint: 'Fetch or save the file again',
        details: { format, bytes: bytes.length },
      },
    );
  }
  const { width, height } = fields;
  if (width < 1 || height < 1) {
    throw new InvalidImageError(
      'IMAGE_FORMAT',
      `Expected a picture of at least 1 x 1 pixels but the ${FORMAT_NAMES[format]} header says ${width} x ${height}`,
      {
        details: { format, width, height },
      },
    );
  }
  return { format, ...fields };
};

/** Bounds that are checked in the header, before anything is decoded. */
export interface PixelLimits {
  readonly maxPixels: number;
  readonly maxSide: number;
}

const megapixels = (pixels: number): string => `${Number((pixels / 1e6).toFixed(pixels < 1e7 ? 3 : 0))} Mpx`;

/**
 * @throws {InvalidImageError} `IMAGE_TOO_LARGE` when the header claims more than the limits allow
 */
export const assertWithinLimits = (
  { format, width, height }: { readonly format: string; readonly width: number; readonly height: number },
  { maxPixels, maxSide }: PixelLimits,
): void => {
  const pixels = width * height;
  const details = { format, width, height, pixels, maxPixels, maxSide };
  if (pixels > maxPixels) {
    throw new InvalidImageError(
      'IMAGE_TOO_LARGE',
      `The picture of ${width} x ${height} has ${megapixels(pixels)}, limit ${megapixels(maxPixels)}`,
      {
        hint: 'Make it smaller first, or raise maxPixels',
        details,
      },
    );
  }
  if (Math.max(width, height) > maxSide) {
    throw new InvalidImageError(
      'IMAGE_TOO_LARGE',
      `The picture of ${width} x ${height} has a side of more than ${maxSide} pixels`,
      {
        hint: 'Cut it into parts, or raise maxSide',
        details,
      },
    );
  }
};
