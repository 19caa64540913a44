import { InvalidImageError } from '../errors.js';
import type { HeaderFields } from './image-header.js';

/** The first frame of a GIF and the canvas it lies on. */
export interface GifFrame {
  /** Of the canvas: the logical screen, widened to hold the frame. */
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly isInterlaced: boolean;
  /** RGB triples of the frame's own or the global colour table; null when there is neither. */
  readonly palette: Uint8Array | null;
  /** Palette index of transparent pixels, or null. */
  readonly transparentIndex: number | null;
  /** Where the minimum code size of the compressed pixels stands. */
  readonly dataStart: number;
}

const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = 0x3b;
const GRAPHIC_CONTROL = 0xf9;

/** The byte behind a chain of sub-blocks. */
export const skipSubBlocks = (view: DataView, start: number): number => {
  let at = start;
  for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += length + 1;
  return at + 1;
};

const readFrame = (
  view: DataView,
  bytes: Uint8Array,
  start: number,
  globalPalette: Uint8Array | null,
  transparentIndex: number | null,
): GifFrame => {
  const [left, top] = [view.getUint16(start, true), view.getUint16(start + 2, true)];
  const [frameWidth, frameHeight] = [view.getUint16(start + 4, true), view.getUint16(start + 6, true)];
  const flags = view.getUint8(start + 8);
  const paletteBytes = flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
  const paletteStart = start + 9;
  const dataStart = paletteStart + paletteBytes;
  // Ends with a RangeError if the file is cut before its pixels.
  view.getUint8(dataStart);
  return {
    width: Math.max(view.getUint16(6, true), left + frameWidth),
    height: Math.max(view.getUint16(8, true), top + frameHeight),
    left,
    top,
    frameWidth,
    frameHeight,
    isInterlaced: (flags & 0x40) !== 0,
    palette: paletteBytes > 0 ? bytes.subarray(paletteStart, paletteStart + paletteBytes) : globalPalette,
    transparentIndex,
    dataStart,
  };
};

/**
 * Finds the first frame.
 *
 * @throws {RangeError} when the bytes end before it
 * @throws {InvalidImageError} `IMAGE_FORMAT` when there is none
 * @source "GIF89a Specification", CompuServe 1990
 */
export const readGifFrame = (bytes: Uint8Array): GifFrame => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(10);
  const globalBytes = flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
  const globalPalette = globalBytes > 0 ? bytes.subarray(13, 13 + globalBytes) : null;
  let transparentIndex: number | null = null;
  let at = 13 + globalBytes;
  for (;;) {
    const kind = view.getUint8(at);
    if (kind === IMAGE) return readFrame(view, bytes, at + 1, globalPalette, transparentIndex);
    if (kind === TRAILER) {
      throw new InvalidImageError('IMAGE_FORMAT', 'The GIF holds no picture', { details: { format: 'gif' } });
    }
    if (kind !== EXTENSION) {
      at += 1;
      continue;
    }
    if (view.getUint8(at + 1) === GRAPHIC_CONTROL && view.getUint8(at + 3) & 1)
      transparentIndex = view.getUint8(at + 6);
    at = skipSubBlocks(view, at + 2);
  }
};

/** True when another frame follows the one whose data begins at `dataStart`; a cut file has none that could be seen. */
const hasSecondFrame = (bytes: Uint8Array, dataStart: number): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    let at = skipSubBlocks(view, dataStart + 1);
    while (view.getUint8(at) === EXTENSION) at = skipSubBlocks(view, at + 2);
    return view.getUint8(at) === IMAGE;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
};

export const readGifHeader = (bytes: Uint8Array): HeaderFields => {
  const { width, height, dataStart } = readGifFrame(bytes);
  return { width, height, channels: 1, bitDepth: 8, isAnimated: hasSecondFrame(bytes, dataStart) };
};
