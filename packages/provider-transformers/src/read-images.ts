import type { RawImage } from '@huggingface/transformers';
import { throwIfAborted } from '@pocketlens/backend';
import { decodeImage } from '@pocketlens/preprocessing';
import type { ChatOptions, ImagePart, Warning } from '@pocketlens/runtime';
import type { Library } from './library.js';

/** Pictures of a conversation, decoded as for local models; resizing is the library's. */
export interface ReadImages {
  readonly images: readonly RawImage[];
  readonly warnings: readonly Warning[];
}

/** @throws {InvalidImageError} for a picture that cannot be read */
export async function readImages(
  parts: readonly ImagePart[],
  { imageMode = 'natural', signal }: ChatOptions,
  library: Library,
): Promise<ReadImages> {
  const images: RawImage[] = [];
  const warnings: Warning[] = [];
  for (const { image } of parts) {
    throwIfAborted(signal);
    const isPixels = typeof image === 'object' && 'data' in image;
    const options = { mode: imageMode, ...(signal === undefined ? {} : { signal }) };
    const decoded = isPixels ? { ...image, warnings: [] } : await decodeImage(image, options);
    images.push(new library.RawImage(Uint8ClampedArray.from(decoded.data), decoded.width, decoded.height, 3));
    warnings.push(...decoded.warnings.map(({ code, message }) => ({ code, message })));
  }
  return { images, warnings };
}
