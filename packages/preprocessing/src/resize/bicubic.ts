import { assertInteger } from '../errors.js';
import type { RgbImage } from '../image.js';
import { assertRgbImage } from '../image.js';
import type { Row } from './row.js';
import { scalarRows } from './scalar-rows.js';
import { simdRows } from './simd-rows.js';

/**
 * The rows of a picture resized with Pillow's `BICUBIC`, top to bottom. A row's buffer is used again for a later row: read it at once.
 *
 * Horizontal pass first, rounded to 8 bits, then the vertical one; a pass whose size stays is skipped.
 *
 * @source Pillow 10.1, `src/libImaging/Resample.c`, `ImagingResampleInner`
 */
export const resizeRows = (image: RgbImage, width: number, height: number): Iterable<Row> =>
  simdRows(image, width, height) ?? scalarRows(image, width, height);

/**
 * Resizes a picture exactly as Pillow's `BICUBIC` (10.1 to 12.x) does: anti-aliased, byte for byte the same. A picture that
 * keeps its size is copied.
 *
 * @param width - target width in pixels, a positive integer
 * @param height - target height in pixels, a positive integer
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for sizes that are not positive integers or data of the wrong length
 */
export const resizeBicubic = (image: RgbImage, width: number, height: number): RgbImage => {
  assertRgbImage(image);
  assertInteger('width', width, 1);
  assertInteger('height', height, 1);
  const stride = width * 3;
  const data = new Uint8Array(stride * height);
  let at = 0;
  for (const row of resizeRows(image, width, height)) {
    data.set(row.data.subarray(row.offset, row.offset + stride), at);
    at += stride;
  }
  return { width, height, data };
};
