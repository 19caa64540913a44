import { InvalidImageError } from '../errors.js';
import type { HeaderFields } from './image-header.js';

const ALPHA_FLAG = 0x10;
const ANIMATION_FLAG = 0x02;
const VP8L_SIGNATURE = 0x2f;

const formatError = (message: string): InvalidImageError =>
  new InvalidImageError('IMAGE_FORMAT', message, {
    hint: 'Save the picture again as WebP or PNG',
    details: { format: 'webp' },
  });

/** @source "WebP Container Specification": RIFF header, then VP8X (extended), VP8L (lossless) or VP8 (lossy) */
export const readWebpHeader = (bytes: Uint8Array): HeaderFields => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = String.fromCharCode(...bytes.subarray(12, 16));
  const start = 20;
  if (type === 'VP8X') {
    const flags = view.getUint8(start);
    const uint24 = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 65_536;
    const channels = flags & ALPHA_FLAG ? 4 : 3;
    return {
      width: uint24(start + 4) + 1,
      height: uint24(start + 7) + 1,
      channels,
      bitDepth: 8,
      isAnimated: (flags & ANIMATION_FLAG) !== 0,
    };
  }
  if (type === 'VP8L') {
    if (view.getUint8(start) !== VP8L_SIGNATURE) throw formatError('The lossless WebP has no valid signature');
    const bits = view.getUint32(start + 1, true);
    const [width, height] = [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
    return { width, height, channels: bits & 0x10000000 ? 4 : 3, bitDepth: 8, isAnimated: false };
  }
  if (type === 'VP8 ') {
    // Three bytes of frame tag, three of start code, then two 14-bit sizes with two bits of scaling each.
    const [width, height] = [view.getUint16(start + 6, true) & 0x3fff, view.getUint16(start + 8, true) & 0x3fff];
    return { width, height, channels: 3, bitDepth: 8, isAnimated: false };
  }
  throw formatError(`Expected the chunk VP8, VP8L or VP8X first in the WebP but received ${JSON.stringify(type)}`);
};

/** True when the container claims more bytes than there are. */
export const isWebpTruncated = (bytes: Uint8Array): boolean =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4, true) + 8 > bytes.length;
