import { InvalidImageError } from '../errors.js';
import type { RgbImage } from '../image.js';
import type { BmpLayout } from './bmp-header.js';
import { readBmpLayout } from './bmp-header.js';

const truncated = (bytes: Uint8Array, needed: number): InvalidImageError =>
  new InvalidImageError(
    'IMAGE_TRUNCATED',
    `The BMP is cut short: expected ${needed} bytes but received ${bytes.length}`,
    {
      hint: 'Fetch or save the file again',
      details: { format: 'bmp', expected: needed, bytes: bytes.length },
    },
  );

/** Reads stored row `stored` into `indices` or `data`. */
type RowDecoder = (rowStart: number, out: number) => void;

const paletteTable = ({ palette, paletteStride }: BmpLayout): Uint8Array => {
  const table = new Uint8Array(768);
  for (let index = 0; (index + 1) * paletteStride <= palette.length; index++) {
    const entry = index * paletteStride;
    table.set([palette[entry + 2]!, palette[entry + 1]!, palette[entry]!], index * 3);
  }
  return table;
};

const paletteRow = (layout: BmpLayout, bytes: Uint8Array, data: Uint8Array): RowDecoder => {
  const { width, bits } = layout;
  const table = paletteTable(layout);
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  return (rowStart, out) => {
    for (let x = 0; x < width; x++) {
      const byte = bytes[rowStart + Math.floor(x / perByte)]!;
      const entry = ((byte >> (8 - bits * ((x % perByte) + 1))) & mask) * 3;
      data.set(table.subarray(entry, entry + 3), out + x * 3);
    }
  };
};

/** Reads the bits of one mask as 0..255: scaled by 255 / its greatest value and truncated, as Pillow does for 5 and 6 bits. */
const channelReader = (mask: number): ((pixel: number) => number) => {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return (pixel) => Math.floor((((pixel & mask) >>> shift) * 255) / most);
};

const maskedRow = (
  { width, bits, masks }: BmpLayout,
  bytes: Uint8Array,
  data: Uint8Array,
  isOverWhite: boolean,
): RowDecoder => {
  const colours = [masks.red, masks.green, masks.blue].map(channelReader);
  const alphaOf = isOverWhite && masks.alpha !== 0 ? channelReader(masks.alpha) : () => 255;
  const pixelBytes = bits / 8;
  return (rowStart, out) => {
    for (let x = 0; x < width; x++) {
      const at = rowStart + x * pixelBytes;
      let pixel = 0;
      for (let byte = pixelBytes - 1; byte >= 0; byte--) pixel = (pixel << 8) | bytes[at + byte]!;
      const alpha = alphaOf(pixel);
      for (let channel = 0; channel < 3; channel++) {
        data[out + x * 3 + channel] = Math.round((colours[channel]!(pixel) * alpha + 255 * (255 - alpha)) / 255);
      }
    }
  };
};

const bgrRow =
  ({ width, bits }: BmpLayout, bytes: Uint8Array, data: Uint8Array): RowDecoder =>
  (rowStart, out) => {
    const pixelBytes = bits / 8;
    let read = rowStart;
    for (let write = out; write < out + width * 3; write += 3, read += pixelBytes) {
      data[write] = bytes[read + 2]!;
      data[write + 1] = bytes[read + 1]!;
      data[write + 2] = bytes[read]!;
    }
  };

const isBgr = ({ bits, masks }: BmpLayout): boolean =>
  bits >= 24 && masks.red === 0xff0000 && masks.green === 0xff00 && masks.blue === 0xff && masks.alpha === 0;

const rowDecoder = (layout: BmpLayout, bytes: Uint8Array, data: Uint8Array, isOverWhite: boolean): RowDecoder => {
  if (layout.bits <= 8) return paletteRow(layout, bytes, data);
  return isBgr(layout) ? bgrRow(layout, bytes, data) : maskedRow(layout, bytes, data, isOverWhite);
};

/**
 * Unpacks run-length coded palette indices, one byte each, rows in stored order. What the code leaves out stays index 0.
 *
 * @source Microsoft "Bitmap Compression"
 */
const unpackRuns = ({ width, height, compression, dataStart }: BmpLayout, bytes: Uint8Array): Uint8Array => {
  const indices = new Uint8Array(width * height);
  const isNibbles = compression === 'rle4';
  let [at, x, y] = [dataStart, 0, 0];
  const put = (index: number): void => {
    if (x < width && y < height) indices[y * width + x] = index;
    x += 1;
  };
  while (y < height) {
    if (at + 2 > bytes.length) throw truncated(bytes, at + 2);
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(isNibbles ? (i % 2 === 0 ? value >> 4 : value & 15) : value);
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      if (at + 2 > bytes.length) throw truncated(bytes, at + 2);
      [x, y, at] = [x + bytes[at]!, y + bytes[at + 1]!, at + 2];
    } else {
      const length = isNibbles ? Math.ceil(value / 2) : value;
      if (at + length > bytes.length) throw truncated(bytes, at + length);
      for (let i = 0; i < value; i++) {
        const byte = bytes[at + (isNibbles ? i >> 1 : i)]!;
        put(isNibbles ? (i % 2 === 0 ? byte >> 4 : byte & 15) : byte);
      }
      // Runs of literals are padded to 16 bits.
      at += length + (length % 2);
    }
  }
  return indices;
};

/**
 * Decodes a BMP of 1 to 32 bits a pixel, run-length coded or not.
 *
 * @param mode - `natural` lays pixels with an alpha mask over white, `exact` drops their alpha
 * @throws {InvalidImageError} `IMAGE_TRUNCATED` when pixels are missing
 */
export const decodeBmp = (bytes: Uint8Array, mode: 'natural' | 'exact'): RgbImage => {
  const stored = readBmpLayout(bytes);
  const { width, height, isTopDown } = stored;
  const isPacked = stored.compression !== 'none';
  const pixels = isPacked ? unpackRuns(stored, bytes) : bytes;
  const layout: BmpLayout = isPacked ? { ...stored, bits: 8, dataStart: 0 } : stored;
  const rowStride = isPacked ? width : Math.floor((width * layout.bits + 31) / 32) * 4;
  const lastRowBytes = Math.ceil((width * layout.bits) / 8);
  const needed = layout.dataStart + (height - 1) * rowStride + lastRowBytes;
  if (needed > pixels.length) throw truncated(pixels, needed);
  const data = new Uint8Array(width * height * 3);
  const decodeRow = rowDecoder(layout, pixels, data, mode === 'natural');
  for (let row = 0; row < height; row++) {
    const y = isTopDown ? row : height - 1 - row;
    decodeRow(layout.dataStart + row * rowStride, y * width * 3);
  }
  return { width, height, data };
};
