import { InvalidImageError } from '../errors.js';
import type { ImageHeader } from './image-header.js';
import { isJpegTruncated } from './jpeg-header.js';
import { findPngDamage } from './png-header.js';
import { FORMAT_NAMES } from './sniff-format.js';
import { isWebpTruncated } from './webp-header.js';

/** What is wrong with a file whose header is fine. */
export interface Damage {
  readonly isTruncated: boolean;
  /** The place, or ''. */
  readonly where: string;
}

/** Looks for damage without decoding: an end that is missing, and in a PNG a wrong checksum. Null: none that can be seen so. */
export const findDamage = (bytes: Uint8Array, { format }: ImageHeader): Damage | null => {
  if (format === 'png') return findPngDamage(bytes);
  const isTruncated = (format === 'jpeg' && isJpegTruncated(bytes)) || (format === 'webp' && isWebpTruncated(bytes));
  return isTruncated ? { isTruncated, where: '' } : null;
};

/** Says in our words why a picture did not decode; the decoder's own words stay in the cause. */
export const damageError = (bytes: Uint8Array, header: ImageHeader, cause?: unknown): InvalidImageError => {
  const { format, width, height } = header;
  const { isTruncated, where } = findDamage(bytes, header) ?? {
    isTruncated: false,
    where: format === 'png' ? 'pixel data cannot be unpacked' : '',
  };
  const picture = `The ${FORMAT_NAMES[format]} of ${width} x ${height}`;
  const place = where === '' ? '' : ` (${where})`;
  const message = isTruncated
    ? `${picture} is cut short after ${bytes.length} bytes${place}`
    : `${picture} and ${bytes.length} bytes is damaged${place}`;
  return new InvalidImageError(isTruncated ? 'IMAGE_TRUNCATED' : 'IMAGE_FORMAT', message, {
    hint: isTruncated
      ? "Fetch or save the file again, or take what is there with failOn: 'none'"
      : 'Fetch or save the file again',
    details: { format, width, height, bytes: bytes.length },
    cause,
  });
};
