import { InvalidImageError } from '../errors.js';
import type { HeaderFields } from './image-header.js';

const SIGNATURE_BYTES = 8;

/** Channels of the colour types of the PNG specification (grey, RGB, palette, grey + alpha, RGBA). */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

interface Chunk {
  readonly type: string;
  /** Where the chunk's data begins. */
  readonly start: number;
  /** What the file says; the data can end before. */
  readonly length: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The chunks in their order, up to and with IEND or the end of the bytes. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk, void> {
  const view = viewOf(bytes);
  let at = SIGNATURE_BYTES;
  while (at + 8 <= bytes.length) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    yield { type, start: at + 8, length };
    if (type === 'IEND') return;
    at += 12 + length;
  }
}

const formatError = (message: string, details: Readonly<Record<string, unknown>>): InvalidImageError =>
  new InvalidImageError('IMAGE_FORMAT', message, {
    hint: 'Save the picture again as PNG',
    details: { format: 'png', ...details },
  });

/**
 * Most bytes that the compressed rows of a picture can have: all literals in fixed Huffman codes (9 bits for 8), with room in each
 * row for filter bytes and block headers. More is a decompression bomb, or rubbish.
 */
const compressedBound = (rowBytes: number, height: number): number => 1.15 * (rowBytes + 16) * height + 1024;

export const readPngHeader = (bytes: Uint8Array): HeaderFields => {
  const view = viewOf(bytes);
  const [length, type] = [view.getUint32(8), String.fromCharCode(...bytes.subarray(12, 16))];
  if (type !== 'IHDR' || length !== 13)
    throw formatError(`Expected the chunk IHDR first in the PNG but received ${JSON.stringify(type)}`, { type });
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [bitDepth, colourType] = [view.getUint8(24), view.getUint8(25)];
  const channels = CHANNELS[colourType];
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(bitDepth)) {
    throw formatError(
      `Expected a PNG colour type 0, 2, 3, 4 or 6 of 1 to 16 bits but received type ${colourType} of ${bitDepth} bits`,
      { colourType, bitDepth },
    );
  }
  let isAnimated = false;
  let pixelBytes = 0;
  for (const chunk of chunksOf(bytes)) {
    if (chunk.type === 'acTL') isAnimated = true;
    if (chunk.type === 'IDAT') pixelBytes += chunk.length;
  }
  const bound = compressedBound(Math.ceil((width * channels * bitDepth) / 8), height);
  if (pixelBytes > bound) {
    throw formatError(
      `The PNG of ${width} x ${height} holds ${pixelBytes} bytes of pixel data, more than its size can need`,
      { width, height, pixelBytes },
    );
  }
  return { width, height, channels, bitDepth, isAnimated };
};

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};

/** Where a PNG is damaged: cut short, or the first chunk whose checksum is wrong; null when all chunks are whole. */
export const findPngDamage = (bytes: Uint8Array): { readonly isTruncated: boolean; readonly where: string } | null => {
  const view = viewOf(bytes);
  let lastType = '';
  for (const { type, start, length } of chunksOf(bytes)) {
    if (start + length + 4 > bytes.length) return { isTruncated: true, where: `in chunk ${type}` };
    if (view.getUint32(start + length) !== crc32(bytes.subarray(start - 4, start + length))) {
      return { isTruncated: false, where: `checksum of chunk ${type} is wrong` };
    }
    lastType = type;
  }
  return lastType === 'IEND' ? null : { isTruncated: true, where: `after chunk ${lastType}` };
};
