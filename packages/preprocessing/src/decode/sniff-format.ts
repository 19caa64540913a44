import { InvalidImageError } from '../errors.js';

/** The formats that are decoded; everything else is refused. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'bmp';

/** How people write them. */
export const FORMAT_NAMES: Readonly<Record<ImageFormat, string>> = {
  png: 'PNG',
  jpeg: 'JPEG',
  webp: 'WebP',
  gif: 'GIF',
  bmp: 'BMP',
};

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(start, end));

const hasPrefix = (bytes: Uint8Array, prefix: string, at = 0): boolean =>
  latin1(bytes, at, at + prefix.length) === prefix;

/** The format that the first bytes announce, whatever the file is called; null for any that is not decoded. */
export const sniffFormat = (bytes: Uint8Array): ImageFormat | null => {
  if (hasPrefix(bytes, '\x89PNG\r\n\x1a\n')) return 'png';
  if (hasPrefix(bytes, '\xff\xd8\xff')) return 'jpeg';
  if (hasPrefix(bytes, 'RIFF') && hasPrefix(bytes, 'WEBP', 8)) return 'webp';
  if (hasPrefix(bytes, 'GIF87a') || hasPrefix(bytes, 'GIF89a')) return 'gif';
  if (hasPrefix(bytes, 'BM')) return 'bmp';
  return null;
};

interface ForeignFormat {
  readonly name: string;
  readonly matches: (bytes: Uint8Array) => boolean;
  readonly reason: string;
  readonly hint: string;
}

const isBrand =
  (...brands: string[]) =>
  (bytes: Uint8Array): boolean =>
    hasPrefix(bytes, 'ftyp', 4) && brands.includes(latin1(bytes, 8, 12));

const SVG_START =
  /^(?:\ufeff|\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*|<!doctype svg[^>]*>\s*)*<(?:svg:)?svg[\s>]/i;

/** Formats that people try, each with the tool that makes a PNG of it. */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  {
    name: 'SVG',
    matches: (bytes) => SVG_START.test(latin1(bytes, 0, 2048)),
    reason: 'it can load other files',
    hint: 'Make a PNG first: rsvg-convert picture.svg -o picture.png',
  },
  {
    name: 'PDF',
    matches: (bytes) => latin1(bytes, 0, 1024).includes('%PDF-'),
    reason: 'it is a document of pages',
    hint: 'Make a PNG of a page first: pdftoppm -png -r 150 -f 1 -l 1 document.pdf page',
  },
  {
    name: 'TIFF',
    matches: (bytes) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some((prefix) => hasPrefix(bytes, prefix)),
    reason: 'it can hold many pages and compressions',
    hint: "Make a PNG of a page first: magick 'scan.tif[0]' page.png",
  },
  {
    name: 'HEIC',
    matches: isBrand('heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'mif1', 'msf1'),
    reason: 'its codec is not shipped',
    hint: 'Make a PNG first: heif-convert photo.heic photo.png (on macOS: sips -s format png photo.heic --out photo.png)',
  },
  {
    name: 'AVIF',
    matches: isBrand('avif', 'avis'),
    reason: 'its codec is not shipped',
    hint: 'Make a PNG first: avifdec photo.avif photo.png',
  },
  {
    name: 'JPEG XL',
    matches: (bytes) => hasPrefix(bytes, '\xff\x0a') || hasPrefix(bytes, 'JXL ', 4),
    reason: 'its codec is not shipped',
    hint: 'Make a PNG first: djxl photo.jxl photo.png',
  },
  {
    name: 'PostScript',
    matches: (bytes) => hasPrefix(bytes, '%!PS'),
    reason: 'it is a program',
    hint: 'Make a PNG first: gs -sDEVICE=png16m -r150 -o page.png document.ps',
  },
  {
    name: 'Photoshop',
    matches: (bytes) => hasPrefix(bytes, '8BPS'),
    reason: 'it holds layers',
    hint: "Make a PNG first: magick 'picture.psd[0]' picture.png",
  },
];

const EXPECTED = `Expected ${Object.values(FORMAT_NAMES).join(', ')}`;

/**
 * @throws {InvalidImageError} `IMAGE_FORMAT`, always: with the reason and a tool for a known format, else with the first bytes
 */
export const refuseFormat = (bytes: Uint8Array): never => {
  const foreign = FOREIGN_FORMATS.find(({ matches }) => matches(bytes));
  if (foreign !== undefined) {
    const { name, reason, hint } = foreign;
    throw new InvalidImageError(
      'IMAGE_FORMAT',
      `${EXPECTED} but received ${name}; ${name} is not decoded (${reason})`,
      {
        hint,
        details: { format: name },
      },
    );
  }
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw new InvalidImageError('IMAGE_FORMAT', `${EXPECTED} but the file begins with the bytes ${start}`, {
    hint: 'The content decides, not the name: open it in a picture viewer and save it as PNG',
    details: { firstBytes: start, bytes: bytes.length },
  });
};
