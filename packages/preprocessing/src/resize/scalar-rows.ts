import type { RgbImage } from '../image.js';
import type { AxisWeights } from './coefficients.js';
import { axisWeights, PRECISION_BITS, ROUNDING_HALF } from './coefficients.js';
import type { Row } from './row.js';

/** The rows of a picture at its final width and its own height. */
interface WidthFittedRows {
  /** Holds every row that was asked for lately. */
  readonly data: Uint8Array;
  /** Index of row `y` in `data`, after computing it if need be. */
  offsetOf(y: number): number;
}

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

/** Resizes rows horizontally when they are first asked for; a ring keeps the last `keep` of them. */
const horizontalPass = (image: RgbImage, width: number, keep: number): WidthFittedRows => {
  const inputStride = image.width * 3;
  if (width === image.width) return { data: image.data, offsetOf: (y) => y * inputStride };
  const axis = axisWeights(image.width, width);
  const stride = width * 3;
  const ring = new Uint8ClampedArray(keep * stride);
  const held = new Int32Array(keep).fill(-1);
  const offsetOf = (y: number): number => {
    const slot = y % keep;
    if (held[slot] !== y) {
      resizeRow(image.data, y * inputStride, ring, slot * stride, axis);
      held[slot] = y;
    }
    return slot * stride;
  };
  return { data: new Uint8Array(ring.buffer), offsetOf };
};

/** Writes the weighted sum of the rows that begin at `offsets`; the weights begin at index `at` of `weights`. */
const addRows = (
  source: Uint8Array,
  offsets: readonly number[],
  weights: Int32Array,
  at: number,
  target: Uint8ClampedArray,
): void => {
  const count = offsets.length;
  for (let i = 0; i < target.length; i += 3) {
    let red = ROUNDING_HALF;
    let green = ROUNDING_HALF;
    let blue = ROUNDING_HALF;
    for (let t = 0; t < count; t++) {
      const weight = weights[at + t]!;
      const read = offsets[t]! + i;
      red = (red + Math.imul(source[read]!, weight)) | 0;
      green = (green + Math.imul(source[read + 1]!, weight)) | 0;
      blue = (blue + Math.imul(source[read + 2]!, weight)) | 0;
    }
    target[i] = red >> PRECISION_BITS;
    target[i + 1] = green >> PRECISION_BITS;
    target[i + 2] = blue >> PRECISION_BITS;
  }
};

/** The rows that the vertical pass makes of the rows of the horizontal pass, top to bottom, in one buffer that is used again. */
function* verticalPass(rows: WidthFittedRows, axis: AxisWeights, rowLength: number): Generator<Row, void> {
  const clamped = new Uint8ClampedArray(rowLength);
  const row: Row = { data: new Uint8Array(clamped.buffer), offset: 0 };
  for (let y = 0; y < axis.first.length; y++) {
    const low = axis.first[y]!;
    const offsets = Array.from({ length: axis.taps[y]! }, (_, t) => rows.offsetOf(low + t));
    addRows(rows.data, offsets, axis.weights, y * axis.stride, clamped);
    yield row;
  }
}

/** `resizeRows` in plain JavaScript, for where WebAssembly or its SIMD is missing. */
export function* scalarRows(image: RgbImage, width: number, height: number): Generator<Row, void> {
  if (height === image.height) {
    const { data, offsetOf } = horizontalPass(image, width, 1);
    for (let y = 0; y < height; y++) yield { data, offset: offsetOf(y) };
    return;
  }
  const axis = axisWeights(image.height, height);
  yield* verticalPass(horizontalPass(image, width, axis.stride), axis, width * 3);
}
