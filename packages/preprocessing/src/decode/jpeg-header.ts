import { InvalidImageError } from '../errors.js';
import type { HeaderFields } from './image-header.js';

/** Start-of-frame markers: 0xC0 to 0xCF without DHT (C4), JPG (C8) and DAC (CC). */
const isStartOfFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Markers that stand alone, without a length: TEM, RST0-7 and SOI. */
const isStandalone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

export const readJpegHeader = (bytes: Uint8Array): HeaderFields => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 2;
  for (;;) {
    // As libjpeg does, skip whatever stands before the next marker, and fill bytes.
    while (view.getUint8(at) !== 0xff) at += 1;
    while (view.getUint8(at) === 0xff) at += 1;
    const marker = view.getUint8(at);
    at += 1;
    if (marker === 0x00 || isStandalone(marker)) continue;
    if (isStartOfFrame(marker)) {
      const [height, width] = [view.getUint16(at + 3), view.getUint16(at + 5)];
      return { width, height, bitDepth: view.getUint8(at + 2), channels: view.getUint8(at + 7), isAnimated: false };
    }
    if (marker === 0xd9 || marker === 0xda) {
      throw new InvalidImageError('IMAGE_FORMAT', 'Expected the size of the JPEG before its pixels but found none', {
        hint: 'Save the picture again as JPEG or PNG',
        details: { format: 'jpeg' },
      });
    }
    at += view.getUint16(at);
  }
};

/** True when the end marker is missing: the file was cut. */
export const isJpegTruncated = (bytes: Uint8Array): boolean => {
  for (let at = bytes.length - 2; at >= 2; at--) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return false;
  }
  return true;
};
