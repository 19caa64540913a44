import type { RgbImage } from '../image.js';
import type { ImageHeader } from './image-header.js';

/** Bounds of reading a file. */
export interface ReadOptions {
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export type ReadFile = (input: string | URL, options: ReadOptions) => Promise<Uint8Array<ArrayBuffer>>;

/** How compressed pixels are decoded. */
export interface DecoderOptions {
  readonly mode: 'natural' | 'exact';
  readonly maxPixels: number;
  /** `none`: what a damaged file still holds is decoded. */
  readonly failOn: 'error' | 'none';
}

/** What decoding takes from the place where it runs. */
export interface Platform {
  readonly readFile: ReadFile;
  /** Decodes PNG, JPEG or WebP; errors are the decoder's own. */
  decode(bytes: Uint8Array<ArrayBuffer>, header: ImageHeader, options: DecoderOptions): Promise<RgbImage>;
}
