import { InvalidImageError } from '../errors.js';
import type { HeaderFields } from './image-header.js';

/** How the pixels of a BMP are packed. */
export type BmpCompression = 'none' | 'rle8' | 'rle4';

/** Bit masks of one pixel; alpha is 0 where there is none. */
export interface ChannelMasks {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly alpha: number;
}

/** Everything that the headers of a BMP say. */
export interface BmpLayout {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: 1 | 4 | 8 | 16 | 24 | 32;
  readonly compression: BmpCompression;
  readonly masks: ChannelMasks;
  /** Blue, green, red and, with a stride of 4, an unused byte. */
  readonly palette: Uint8Array;
  readonly paletteStride: 3 | 4;
  readonly dataStart: number;
}

const FILE_HEADER_BYTES = 14;
const CORE_HEADER_BYTES = 12;
const HEADER_BYTES: readonly number[] = [CORE_HEADER_BYTES, 40, 52, 56, 64, 108, 124];
const BITFIELDS = 3;

const unsupported = (what: string, value: unknown): InvalidImageError =>
  new InvalidImageError('IMAGE_FORMAT', `The BMP has ${what}, which is not decoded`, {
    hint: 'Save the picture as PNG',
    details: { format: 'bmp', value },
  });

const isBits = (value: number): value is BmpLayout['bits'] => [1, 4, 8, 16, 24, 32].includes(value);

const defaultMasks = (bits: number): ChannelMasks =>
  bits === 16
    ? { red: 0x7c00, green: 0x3e0, blue: 0x1f, alpha: 0 }
    : { red: 0xff0000, green: 0xff00, blue: 0xff, alpha: 0 };

/** The masks of BI_BITFIELDS; an alpha mask stands only in headers of 56 bytes and more. All zero means blue, green, red, alpha. */
const readMasks = (view: DataView, headerBytes: number): ChannelMasks => {
  const at = FILE_HEADER_BYTES + 40;
  const [red, green, blue] = [view.getUint32(at, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true)];
  const alpha = headerBytes >= 56 && headerBytes !== 64 ? view.getUint32(at + 12, true) : 0;
  if ((red | green | blue | alpha) === 0) return { red: 0xff0000, green: 0xff00, blue: 0xff, alpha: 0xff000000 };
  return { red, green, blue, alpha };
};

const compressionOf = (value: number, bits: number): BmpCompression => {
  if (value === 0 || (value === BITFIELDS && bits >= 16)) return 'none';
  if (value === 1 && bits === 8) return 'rle8';
  if (value === 2 && bits === 4) return 'rle4';
  throw unsupported(`compression ${value} with ${bits} bits a pixel`, value);
};

/** Header fields whose place depends on the header's age: the OS/2 core header has 16-bit sizes and three bytes a colour. */
const readFields = (
  view: DataView,
  headerBytes: number,
): { width: number; height: number; bits: number; compression: number; colours: number } => {
  if (headerBytes === CORE_HEADER_BYTES) {
    return {
      width: view.getUint16(18, true),
      height: view.getUint16(20, true),
      bits: view.getUint16(24, true),
      compression: 0,
      colours: 0,
    };
  }
  return {
    width: view.getUint32(18, true),
    height: view.getInt32(22, true),
    bits: view.getUint16(28, true),
    compression: view.getUint32(30, true),
    colours: view.getUint32(46, true),
  };
};

/**
 * Reads the headers of a BMP.
 *
 * @throws {RangeError} when the bytes end within them
 * @throws {InvalidImageError} `IMAGE_FORMAT` for a header, depth or compression that is not decoded
 * @source Microsoft "Bitmap Header Types"; choices where files disagree follow Pillow's `BmpImagePlugin.py`
 */
export const readBmpLayout = (bytes: Uint8Array): BmpLayout => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(FILE_HEADER_BYTES, true);
  if (!HEADER_BYTES.includes(headerBytes)) throw unsupported(`a header of ${headerBytes} bytes`, headerBytes);
  const { width, height, bits, compression, colours } = readFields(view, headerBytes);
  if (!isBits(bits)) throw unsupported(`${bits} bits a pixel`, bits);
  const paletteStride = headerBytes === CORE_HEADER_BYTES ? 3 : 4;
  const paletteStart = FILE_HEADER_BYTES + headerBytes;
  const paletteColours = bits <= 8 ? (colours === 0 ? 1 << bits : colours) : 0;
  const statedStart = view.getUint32(10, true);
  // Some writers forget the colour table when they state where the pixels begin.
  const isTableForgotten = paletteColours > 0 && statedStart === paletteStart;
  const dataStart = isTableForgotten || statedStart === 0 ? paletteStart + paletteColours * paletteStride : statedStart;
  return {
    width,
    height: Math.abs(height),
    isTopDown: height < 0,
    bits,
    compression: compressionOf(compression, bits),
    masks: compression === BITFIELDS ? readMasks(view, headerBytes) : defaultMasks(bits),
    palette: bytes.subarray(
      paletteStart,
      Math.min(dataStart, paletteStart + Math.min(paletteColours, 256) * paletteStride),
    ),
    paletteStride,
    dataStart,
  };
};

export const readBmpHeader = (bytes: Uint8Array): HeaderFields => {
  const { width, height, bits, masks } = readBmpLayout(bytes);
  return {
    width,
    height,
    channels: bits <= 8 ? 1 : masks.alpha === 0 ? 3 : 4,
    bitDepth: Math.min(bits, 8),
    isAnimated: false,
  };
};
