import {
  AbortError,
  assertInteger,
  InvalidArgumentError,
  InvalidImageError,
  isPocketlensError,
  throwIfAborted,
} from '../errors.js';
import type { ImageWarning, RgbImage } from '../image.js';
import { bitmapPixels, decodeWithBrowser } from './bitmap-decoder.js';
import { decodeBmp } from './bmp-pixels.js';
import { decodeGif } from './gif-pixels.js';
import type { ImageHeader } from './image-header.js';
import { assertWithinLimits, readImageHeader } from './image-header.js';
import type { ImageInput } from './image-input.js';
import { isBitmap, readInput } from './image-input.js';
import { isJpegTruncated } from './jpeg-header.js';
import { isNode } from './node-modules.js';
import { findPngDamage } from './png-header.js';
import { FORMAT_NAMES } from './sniff-format.js';
import { decodeWithSharp } from './sharp-decoder.js';
import { isWebpTruncated } from './webp-header.js';

/**
 * `natural`: as people see it: EXIF orientation applied, transparency over white, colours in sRGB, 16 bits by their high byte.
 * `exact`: bit for bit Pillow 10.1's `convert("RGB")`: orientation and profile ignored, alpha dropped, 16-bit grey clipped at 255.
 */
export type DecodeMode = 'natural' | 'exact';

/** How a picture is decoded; every field has a default. */
export interface DecodeOptions {
  /** Default `natural`. */
  readonly mode?: DecodeMode;
  /** Most pixels, checked in the header; default 120 million. */
  readonly maxPixels?: number;
  /** Longest side in pixels, checked in the header; default 32,768. */
  readonly maxSide?: number;
  /** Most encoded bytes; default 100 million. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** Limits that hold unless the caller sets others. */
export const DEFAULT_LIMITS = { maxPixels: 120_000_000, maxSide: 32_768, maxBytes: 100_000_000 } as const;

/** A decoded picture and what is worth telling about it. */
export interface DecodedImage extends RgbImage {
  readonly warnings: readonly ImageWarning[];
}

/** Says in our words why a picture whose header is fine did not decode; the decoder's own words stay in the cause. */
const damageError = (bytes: Uint8Array, { format, width, height }: ImageHeader, cause: unknown): InvalidImageError => {
  const name = FORMAT_NAMES[format];
  const png = format === 'png' ? findPngDamage(bytes) : null;
  const isTruncated =
    png?.isTruncated ??
    ((format === 'jpeg' && isJpegTruncated(bytes)) || (format === 'webp' && isWebpTruncated(bytes)));
  const where = png === null ? '' : ` (${png.where})`;
  const message = isTruncated
    ? `The ${name} of ${width} x ${height} is cut short after ${bytes.length} bytes${where}`
    : `The ${name} of ${width} x ${height} and ${bytes.length} bytes is damaged${where}`;
  return new InvalidImageError(isTruncated ? 'IMAGE_TRUNCATED' : 'IMAGE_FORMAT', message, {
    hint: 'Fetch or save the file again',
    details: { format, width, height, bytes: bytes.length },
    cause,
  });
};

const decodeBytes = async (
  bytes: Uint8Array<ArrayBuffer>,
  header: ImageHeader,
  mode: DecodeMode,
  maxPixels: number,
): Promise<RgbImage> => {
  if (header.format === 'gif') return decodeGif(bytes, mode);
  if (header.format === 'bmp') return decodeBmp(bytes, mode);
  try {
    return await (isNode() ? decodeWithSharp(bytes, header, { mode, maxPixels }) : decodeWithBrowser(bytes, mode));
  } catch (error) {
    throw isPocketlensError(error) ? error : damageError(bytes, header, error);
  }
};

const frameWarnings = ({ format, isAnimated }: ImageHeader): ImageWarning[] =>
  isAnimated
    ? [
        {
          code: 'IMAGE_FIRST_FRAME_ONLY',
          message: `The ${FORMAT_NAMES[format]} is animated; only its first frame is seen`,
          details: { format },
        },
      ]
    : [];

/** The promise's outcome, or an AbortError at once: native decoding cannot be stopped, but nobody has to wait for it. */
const orAborted = <T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(new AbortError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
};

const assertMode = (mode: DecodeMode): void => {
  if (mode === 'natural' || mode === 'exact') return;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `Expected 'natural' or 'exact' for mode but received ${String(mode)} of type ${typeof mode}`,
  );
};

/**
 * Decodes PNG, JPEG, WebP, GIF (first frame) or BMP to RGB. The content decides on the format, not the name.
 *
 * Node needs the optional package `sharp` for PNG, JPEG and WebP; a browser uses its own decoders.
 *
 * @param input - path or `file:` URL (Node), bytes, Blob, or ImageBitmap (browser)
 * @throws {InvalidImageError} `IMAGE_EMPTY`, `IMAGE_FORMAT`, `IMAGE_TRUNCATED`, `IMAGE_TOO_LARGE`, `IMAGE_NOT_FOUND`,
 * `IMAGE_NOT_A_FILE` or `IMAGE_UNREADABLE`
 * @throws {InvalidArgumentError} for another kind of input or an option out of range
 * @throws {ImageDecoderMissingError} `IMAGE_DECODER_MISSING` when there is no decoder here
 * @throws {AbortError} `ABORTED` when the signal is aborted
 */
export const decodeImage = async (input: ImageInput, options: DecodeOptions = {}): Promise<DecodedImage> => {
  const { mode = 'natural', signal } = options;
  const limits = { ...DEFAULT_LIMITS, ...options };
  assertMode(mode);
  for (const name of ['maxPixels', 'maxSide', 'maxBytes'] as const) assertInteger(name, limits[name], 1);
  throwIfAborted(signal);
  if (isBitmap(input)) return { ...bitmapPixels(input), warnings: [] };
  const bytes = await orAborted(readInput(input, { maxBytes: limits.maxBytes, signal }), signal);
  const header = readImageHeader(bytes);
  assertWithinLimits(header, limits);
  const image = await orAborted(decodeBytes(bytes, header, mode, limits.maxPixels), signal);
  return { ...image, warnings: frameWarnings(header) };
};
