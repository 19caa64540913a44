import { assertInteger } from '../errors.js';
import type { RgbImage } from '../image.js';
import { assertRgbImage } from '../image.js';
import type { AxisWeights } from './coefficients.js';
import { axisWeights, PRECISION_BITS, ROUNDING_HALF } from './coefficients.js';

/** One row of pixels within a larger buffer. */
export interface Row {
  readonly data: Uint8Array;
  /** Index of the row's first value in `data`. */
  readonly offset: number;
}

type RowReader = (y: number) => Row;

/** Writes one row of `source`, resized horizontally, into `target`, whose clamping is Pillow's `clip8`. */
const resizeRow = (
  source: Uint8Array,
  sourceOffset: number,
  target: Uint8ClampedArray,
  targetOffset: number,
  axis: AxisWeights,
): void => {
  const { first, taps, stride, weights } = axis;
  const width = first.length;
  let out = targetOffset;
  for (let x = 0; x < width; x++) {
    let read = sourceOffset + first[x]! * 3;
    let red = ROUNDING_HALF;
    let green = ROUNDING_HALF;
    let blue = ROUNDING_HALF;
    const end = x * stride + taps[x]!;
    for (let t = x * stride; t < end; t++) {
      const weight = weights[t]!;
      red = (red + Math.imul(source[read]!, weight)) | 0;
      green = (green + Math.imul(source[read + 1]!, weight)) | 0;
      blue = (blue + Math.imul(source[read + 2]!, weight)) | 0;
      read += 3;
    }
    target[out] = red >> PRECISION_BITS;
    target[out + 1] = green >> PRECISION_BITS;
    target[out + 2] = blue >> PRECISION_BITS;
    out += 3;
  }
};

/** The rows of `image` at its own height and `width` pixels wide, computed when first read; a ring keeps the last `keep` of them. */
const horizontalPass = (image: RgbImage, width: number, keep: number): RowReader => {
  const { data } = image;
  const inputStride = image.width * 3;
  if (width === image.width) return (y) => ({ data, offset: y * inputStride });
  const axis = axisWeights(image.width, width);
  const stride = width * 3;
  const ring = new Uint8ClampedArray(keep * stride);
  const bytes = new Uint8Array(ring.buffer);
  const held = new Int32Array(keep).fill(-1);
  return (y) => {
    const slot = y % keep;
    if (held[slot] !== y) {
      resizeRow(data, y * inputStride, ring, slot * stride, axis);
      held[slot] = y;
    }
    return { data: bytes, offset: slot * stride };
  };
};

/** Adds four weighted rows to the accumulators: one store for four products is what makes the vertical pass fast. */
const addFourRows = (sums: Int32Array, rows: readonly [Row, Row, Row, Row], weights: Int32Array, at: number): void => {
  const [{ data: d0, offset: o0 }, { data: d1, offset: o1 }, { data: d2, offset: o2 }, { data: d3, offset: o3 }] = rows;
  const w0 = weights[at]!;
  const w1 = weights[at + 1]!;
  const w2 = weights[at + 2]!;
  const w3 = weights[at + 3]!;
  for (let i = 0; i < sums.length; i++) {
    const upper = (Math.imul(d0[o0 + i]!, w0) + Math.imul(d1[o1 + i]!, w1)) | 0;
    const lower = (Math.imul(d2[o2 + i]!, w2) + Math.imul(d3[o3 + i]!, w3)) | 0;
    sums[i] = (sums[i]! + ((upper + lower) | 0)) | 0;
  }
};

const addRow = (sums: Int32Array, { data, offset }: Row, weight: number): void => {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i]! + Math.imul(data[offset + i]!, weight)) | 0;
};

/** The rows that the vertical pass makes of the rows of the horizontal pass, top to bottom, in one buffer that is used again. */
function* verticalPass(read: RowReader, axis: AxisWeights, rowLength: number): Generator<Row, void> {
  const sums = new Int32Array(rowLength);
  const clamped = new Uint8ClampedArray(rowLength);
  const row: Row = { data: new Uint8Array(clamped.buffer), offset: 0 };
  for (let y = 0; y < axis.first.length; y++) {
    const low = axis.first[y]!;
    const count = axis.taps[y]!;
    const at = y * axis.stride;
    sums.fill(ROUNDING_HALF);
    let t = 0;
    for (; t + 4 <= count; t += 4) {
      addFourRows(sums, [read(low + t), read(low + t + 1), read(low + t + 2), read(low + t + 3)], axis.weights, at + t);
    }
    for (; t < count; t++) addRow(sums, read(low + t), axis.weights[at + t]!);
    for (let i = 0; i < rowLength; i++) clamped[i] = sums[i]! >> PRECISION_BITS;
    yield row;
  }
}

/**
 * The rows of a picture resized with Pillow's `BICUBIC`, top to bottom. A row's buffer is used again for a later row: read it at once.
 *
 * Horizontal pass first, rounded to 8 bits, then the vertical one; a pass whose size stays is skipped.
 *
 * @source Pillow 10.1, `src/libImaging/Resample.c`, `ImagingResampleInner`
 */
export function* resizeRows(image: RgbImage, width: number, height: number): Generator<Row, void> {
  if (height === image.height) {
    const read = horizontalPass(image, width, 1);
    for (let y = 0; y < height; y++) yield read(y);
    return;
  }
  const axis = axisWeights(image.height, height);
  yield* verticalPass(horizontalPass(image, width, axis.stride), axis, width * 3);
}

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
