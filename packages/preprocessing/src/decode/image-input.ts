import { InvalidArgumentError, InvalidImageError } from '../errors.js';
import type { ReadFile, ReadOptions } from './platform.js';

/** The picture that a browser's `createImageBitmap` makes, as far as it is used here. */
export interface BitmapInput {
  readonly width: number;
  readonly height: number;
  close(): void;
}

/** Where a picture comes from: a path or `file:` URL (Node only), its encoded bytes, a Blob, or in a browser an ImageBitmap. */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Blob | BitmapInput;

/**
 * @throws {InvalidImageError} `IMAGE_TOO_LARGE` beyond `maxBytes`
 */
export const assertByteLimit = (bytes: number, maxBytes: number): void => {
  if (bytes <= maxBytes) return;
  throw new InvalidImageError('IMAGE_TOO_LARGE', `The picture has ${bytes} bytes, limit ${maxBytes}`, {
    hint: 'Make it smaller first, or raise maxBytes',
    details: { bytes, maxBytes },
  });
};

/** True for a picture that is decoded already. */
export const isBitmap = (input: ImageInput): input is BitmapInput =>
  typeof input === 'object' && input !== null && 'close' in input && 'width' in input && 'height' in input;

/**
 * The encoded bytes of a picture. Bytes are copied at once: what the caller writes into them later changes nothing.
 *
 * @throws {InvalidImageError} `IMAGE_NOT_FOUND`, `IMAGE_NOT_A_FILE`, `IMAGE_UNREADABLE`, or `IMAGE_TOO_LARGE` beyond `maxBytes`
 * @throws {InvalidArgumentError} for another kind of input, or a URL that is not `file:`
 */
export const readInput = async (
  input: Exclude<ImageInput, BitmapInput>,
  readFile: ReadFile,
  options: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> => {
  if (typeof input === 'string' || input instanceof URL) return readFile(input, options);
  if (ArrayBuffer.isView(input)) {
    assertByteLimit(input.byteLength, options.maxBytes);
    return new Uint8Array(input);
  }
  if (input instanceof ArrayBuffer) {
    assertByteLimit(input.byteLength, options.maxBytes);
    return new Uint8Array(input.slice());
  }
  if (input instanceof Blob) {
    assertByteLimit(input.size, options.maxBytes);
    return new Uint8Array(await input.arrayBuffer());
  }
  throw new InvalidArgumentError(
    'ARGUMENT_TYPE',
    `Expected a path, file: URL, bytes or Blob for image but received ${String(input)} of type ${typeof input}`,
  );
};
