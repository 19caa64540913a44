import {
  AbortError,
  assertInteger,
  InvalidArgumentError,
  InvalidImageError,
  isPocketlensError,
  throwIfAborted,
} from '../errors.js';
import type { ImageWarning, RgbImage } from '../image.js';
import { bitmapPixels } from './bitmap-decoder.js';
import { decodeBmp } from './bmp-pixels.js';
import { damageError } from './damage.js';
import { decodeGif } from './gif-pixels.js';
import type { ImageHeader } from './image-header.js';
import { assertWithinLimits, readImageHeader } from './image-header.js';
import type { ImageInput } from './image-input.js';
import { isBitmap, readInput } from './image-input.js';
import type { DecoderOptions, Platform } from './platform.js';
import { FORMAT_NAMES } from './sniff-format.js';

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
  /**
   * `error` (default): a damaged file is refused. `none`: of a PNG or JPEG that is cut short the part that is there is decoded, the rest
   * is as the decoder leaves it, and a warning `IMAGE_TRUNCATED` tells.
   */
  readonly failOn?: 'error' | 'none';
  readonly signal?: AbortSignal;
}

/** Limits that hold unless the caller sets others. */
export const DEFAULT_LIMITS = { maxPixels: 120_000_000, maxSide: 32_768, maxBytes: 100_000_000 } as const;

/** A decoded picture and what is worth telling about it. */
export interface DecodedImage extends RgbImage {
  readonly warnings: readonly ImageWarning[];
}

/** A picture whose damage was borne, and what is told about it. */
const decodeRemains = async (
  { decode }: Platform,
  bytes: Uint8Array<ArrayBuffer>,
  header: ImageHeader,
  options: DecoderOptions,
  damage: InvalidImageError,
): Promise<DecodedImage> => {
  if (damage.code !== 'IMAGE_TRUNCATED') throw damage;
  try {
    const image = await decode(bytes, header, { ...options, failOn: 'none' });
    const { code, message, details = {} } = damage;
    return { ...image, warnings: [{ code, message, details }] };
  } catch {
    // Not even a part of it can be read.
    throw damage;
  }
};

const decodeBytes = async (
  platform: Platform,
  bytes: Uint8Array<ArrayBuffer>,
  header: ImageHeader,
  options: DecoderOptions,
): Promise<DecodedImage> => {
  if (header.format === 'gif') return { ...decodeGif(bytes, options.mode), warnings: [] };
  if (header.format === 'bmp') return { ...decodeBmp(bytes, options.mode), warnings: [] };
  try {
    return { ...(await platform.decode(bytes, header, { ...options, failOn: 'error' })), warnings: [] };
  } catch (error) {
    if (isPocketlensError(error) && !(error instanceof InvalidImageError)) throw error;
    const damage = error instanceof InvalidImageError ? error : damageError(bytes, header, error);
    if (options.failOn === 'error') throw damage;
    return decodeRemains(platform, bytes, header, options, damage);
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

const assertChoice = (name: string, value: unknown, choices: readonly string[]): void => {
  if (typeof value === 'string' && choices.includes(value)) return;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `Expected ${choices.map((choice) => `'${choice}'`).join(' or ')} for ${name} but received ${String(value)} of type ${typeof value}`,
    { details: { name, value } },
  );
};

/** Decodes PNG, JPEG, WebP, GIF (first frame) or BMP to RGB. */
export type DecodeImage = (input: ImageInput, options?: DecodeOptions) => Promise<DecodedImage>;

/** `decodeImage` with the means of a platform. */
export const createDecodeImage =
  (platform: Platform): DecodeImage =>
  async (input, options = {}) => {
    const { mode = 'natural', failOn = 'error', signal } = options;
    const limits = { ...DEFAULT_LIMITS, ...options };
    assertChoice('mode', mode, ['natural', 'exact']);
    assertChoice('failOn', failOn, ['error', 'none']);
    for (const name of ['maxPixels', 'maxSide', 'maxBytes'] as const) assertInteger(name, limits[name], 1);
    throwIfAborted(signal);
    if (isBitmap(input)) {
      assertWithinLimits({ format: 'bitmap', width: input.width, height: input.height }, limits);
      return { ...bitmapPixels(input), warnings: [] };
    }
    const { maxBytes, maxPixels } = limits;
    const bytes = await orAborted(readInput(input, platform.readFile, { maxBytes, signal }), signal);
    const header = readImageHeader(bytes);
    assertWithinLimits(header, limits);
    const image = await orAborted(decodeBytes(platform, bytes, header, { mode, failOn, maxPixels }), signal);
    return { ...image, warnings: [...image.warnings, ...frameWarnings(header)] };
  };
