import type sharp from 'sharp';
import type { Sharp, SharpOptions } from 'sharp';
import { ImageDecoderMissingError } from '../errors.js';
import type { RgbImage } from '../image.js';
import type { ImageHeader } from './image-header.js';
import type { DecoderOptions } from './platform.js';

type LoadImage = typeof sharp;

/**
 * Loads the optional package `sharp`.
 *
 * @param name - module to load; another name only serves to show what happens without the package
 * @throws {ImageDecoderMissingError} `IMAGE_DECODER_MISSING` when it is not installed or does not start
 */
export const loadSharp = async (name = 'sharp'): Promise<LoadImage> => {
  try {
    // A name that bundlers cannot see: sharp is optional, and absent in browsers.
    const module: { readonly default: LoadImage } = await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
    return module.default;
  } catch (error) {
    throw new ImageDecoderMissingError(
      'Expected the package sharp for PNG, JPEG and WebP in Node but it cannot be loaded',
      {
        hint: 'Install it: npm install sharp',
        cause: error,
      },
    );
  }
};

/** Bytes of one kind only, so that the resampler's loops stay fast: a Buffer is a class of its own. */
const plainBytes = (buffer: Uint8Array): Uint8Array =>
  new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);

const replicateGrey = (grey: Uint8Array | Uint16Array): Uint8Array => {
  const data = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) data.fill(Math.min(grey[i]!, 255), i * 3, i * 3 + 3);
  return data;
};

/** `a * b / 255`, rounded: Pillow's `MULDIV255`. */
const multiplyDivide255 = (a: number, b: number): number => {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
};

/** CMYK to RGB without any profile, as Pillow's `cmyk2rgb` in `src/libImaging/Convert.c`. */
const cmykToRgb = (cmyk: Uint8Array): Uint8Array => {
  const data = new Uint8Array((cmyk.length / 4) * 3);
  for (let read = 0, write = 0; read < cmyk.length; read += 4, write += 3) {
    const light = 255 - cmyk[read + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      data[write + channel] = Math.max(0, light - multiplyDivide255(cmyk[read + channel]!, light));
    }
  }
  return data;
};

const pixelsOf = async (pipeline: Sharp): Promise<RgbImage> => {
  const { data, info } = await pipeline.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  const bytes = plainBytes(data);
  return { width: info.width, height: info.height, data: info.channels === 1 ? replicateGrey(bytes) : bytes };
};

const decodeNatural = (load: LoadImage, bytes: Uint8Array, options: SharpOptions): Promise<RgbImage> =>
  pixelsOf(load(bytes, { ...options, autoOrient: true }).flatten({ background: '#ffffff' }));

/** 16-bit grey as Pillow's mode `I` converts it: every value above 255 is white. */
const decodeClippedGrey = async (load: LoadImage, bytes: Uint8Array, options: SharpOptions): Promise<RgbImage> => {
  const pipeline = load(bytes, { ...options, ignoreIcc: true })
    .removeAlpha()
    .toColourspace('grey16')
    .raw({ depth: 'ushort' });
  const { data, info } = await pipeline.toBuffer({ resolveWithObject: true });
  const grey = new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
  return { width: info.width, height: info.height, data: replicateGrey(grey) };
};

const decodeNaiveCmyk = async (load: LoadImage, bytes: Uint8Array, options: SharpOptions): Promise<RgbImage> => {
  const pipeline = load(bytes, { ...options, ignoreIcc: true })
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw();
  const { data, info } = await pipeline.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: cmykToRgb(data) };
};

/** Decodes PNG, JPEG or WebP with libvips. Errors are libvips' own: the caller says what they mean. */
export const decodeWithSharp = async (
  bytes: Uint8Array,
  header: ImageHeader,
  { mode, maxPixels, failOn }: DecoderOptions,
): Promise<RgbImage> => {
  const load = await loadSharp();
  // 'error' refuses cut files and wrong checksums, yet takes JPEGs with harmless oddities, as Pillow does.
  // Read once from top to bottom, the picture is not held a second time.
  const options: SharpOptions = { failOn, limitInputPixels: maxPixels, sequentialRead: true };
  if (mode === 'natural') return decodeNatural(load, bytes, options);
  if (header.format === 'png' && header.bitDepth === 16 && header.channels === 1)
    return decodeClippedGrey(load, bytes, options);
  if (header.format === 'jpeg' && header.channels === 4) return decodeNaiveCmyk(load, bytes, options);
  return pixelsOf(load(bytes, { ...options, ignoreIcc: true }).removeAlpha());
};
