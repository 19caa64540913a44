import type { ImagePart } from '@pocketlens/runtime';
import { ProviderError } from './errors.js';
import { encodePng } from './png.js';

/** First bytes of the formats that servers of this protocol read; "." stands for any byte. */
const FORMATS: readonly (readonly [type: string, start: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xFF\xD8\xFF/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
  ['image/gif', /^GIF8[79]a/],
  ['image/bmp', /^BM/],
  ['image/tiff', /^(?:II\*\0|MM\0\*)/],
  ['image/avif', /^[^]{4}ftypavi[fs]/],
];

/**
 * A picture as a `data:` URL. Encoded bytes are sent as they are, metadata included; pixels become a PNG.
 *
 * @throws {ProviderError} `PROVIDER_IMAGE` for a file that cannot be read or a format that is not known
 */
export async function imageDataUrl(image: ImagePart['image']): Promise<string> {
  const bytes = await encodedBytes(image);
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const type = FORMATS.find(([, pattern]) => pattern.test(start))?.[0];
  if (type === undefined) {
    throw new ProviderError('PROVIDER_IMAGE', `Expected a picture, got ${bytes.length} bytes of an unknown format.`, {
      hint: `Known are ${FORMATS.map(([name]) => name.slice(6).toUpperCase()).join(', ')}.`,
    });
  }
  return `data:${type};base64,${toBase64(bytes)}`;
}

async function encodedBytes(image: ImagePart['image']): Promise<Uint8Array> {
  if (typeof image === 'string' || image instanceof URL) return readFile(image);
  if (image instanceof Uint8Array) return image;
  if (image instanceof ArrayBuffer) return new Uint8Array(image);
  if (image instanceof Blob) return new Uint8Array(await image.arrayBuffer());
  if ('data' in image) return encodePng(image);
  throw new ProviderError(
    'PROVIDER_IMAGE',
    'Expected a path, bytes, a Blob or RGB pixels, got another kind of picture.',
    {
      hint: 'Decode an ImageBitmap first, for example with decodeImage of @pocketlens/preprocessing.',
    },
  );
}

async function readFile(image: string | URL): Promise<Uint8Array> {
  const isUrl = image instanceof URL || /^(?:file|data|blob):|^[a-z][a-z\d+.-]+:\/\//i.test(image);
  if (isUrl && !String(image).startsWith('file:')) {
    throw new ProviderError('PROVIDER_IMAGE', 'Expected a path or a file: URL, got another kind of URL.', {
      hint: 'Fetch the picture yourself and pass its bytes.',
    });
  }
  const fs = await import('node:fs/promises');
  return fs.readFile(isUrl ? new URL(image) : image).catch((cause: unknown) => {
    throw new ProviderError('PROVIDER_IMAGE', `Cannot read the picture ${String(image)}.`, { cause });
  });
}

const CHUNK_BYTES = 0x8000;

// `btoa` is everywhere; Node's Buffer is not.
function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
}
