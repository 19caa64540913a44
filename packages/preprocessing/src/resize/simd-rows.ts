import type { RgbImage } from '../image.js';
import type { AxisWeights } from './coefficients.js';
import { axisWeights } from './coefficients.js';
import type { Kernel } from './kernel.js';
import { acquireKernel, releaseKernel } from './kernel.js';
import type { Row } from './row.js';

/** Bits of a weight's lower part; the upper part then fits into 16 bits too. */
const LOW_BITS = 11;

/** Taps that the horizontal pass takes at a time, and the bytes of their pixels. */
const STEP_TAPS = 4;
const STEP_BYTES = STEP_TAPS * 3;

const VECTOR_BYTES = 16;

/** Two upper and two lower parts of 16 bits. */
const PAIR_BYTES = 8;

const aligned = (bytes: number): number => Math.ceil(bytes / VECTOR_BYTES) * VECTOR_BYTES;

/** Weights in pairs of taps, filled up with zeros: upper parts of both, then lower parts. */
const pairWeights = ({ first, stride, taps, weights }: AxisWeights, pairs: number): Int16Array => {
  const split = new Int16Array(first.length * pairs * 4);
  for (let i = 0; i < first.length; i++) {
    for (let t = 0; t < taps[i]!; t++) {
      const weight = weights[i * stride + t]!;
      const at = (i * pairs + (t >> 1)) * 4 + (t & 1);
      split[at] = weight >> LOW_BITS;
      split[at + 2] = weight & ((1 << LOW_BITS) - 1);
    }
  }
  return split;
};

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Hands out addresses one behind the other. */
class Layout {
  size = 0;

  add(bytes: number): number {
    const address = this.size;
    this.size += aligned(bytes);
    return address;
  }
}

/** One axis as the kernel reads it. */
interface Pass {
  readonly axis: AxisWeights;
  readonly mostTaps: number;
  readonly weights: Int16Array;
  readonly pairs: number;
}

const createPass = (inputSize: number, outputSize: number, tapsAtATime: number): Pass => {
  const axis = axisWeights(inputSize, outputSize);
  const mostTaps = axis.taps.reduce((most, taps) => Math.max(most, taps), 0);
  const pairs = (Math.ceil(mostTaps / tapsAtATime) * tapsAtATime) / 2;
  return { axis, mostTaps, weights: pairWeights(axis, pairs), pairs };
};

/** Where everything lies in the kernel's memory. */
interface Addresses {
  /** Two rows of the picture, and what the last step reads behind them. */
  readonly source: number;
  readonly starts: number;
  readonly horizontalWeights: number;
  /** The latest `slots` rows at their final width, row y in slot y % slots. */
  readonly ring: number;
  readonly rowBytes: number;
  readonly slots: number;
  readonly verticalWeights: number;
  /** Addresses of the rows that the vertical pass reads. */
  readonly rows: number;
  readonly target: number;
  readonly size: number;
}

const layOut = (image: RgbImage, width: number, horizontal: Pass | null, vertical: Pass | null): Addresses => {
  const layout = new Layout();
  const sourceBytes = image.width * 3 * 2 + (horizontal?.pairs ?? 0) * (STEP_BYTES / 2) + VECTOR_BYTES;
  const rowBytes = aligned(width * 3 + 1);
  // An even number: rows are computed in pairs, of which the second can be one more than is needed.
  const slots = Math.ceil(((vertical?.mostTaps ?? 0) + 2) / 2) * 2;
  return {
    source: layout.add(sourceBytes),
    starts: layout.add(width * 4),
    horizontalWeights: layout.add(horizontal?.weights.byteLength ?? 0),
    ring: layout.add(rowBytes * slots),
    rowBytes,
    slots,
    verticalWeights: layout.add(vertical?.weights.byteLength ?? 0),
    rows: layout.add((vertical?.pairs ?? 0) * 2 * Uint32Array.BYTES_PER_ELEMENT),
    target: layout.add(rowBytes),
    size: layout.size,
  };
};

/** One resize, ready to run. */
interface Job {
  readonly image: RgbImage;
  readonly height: number;
  /** Null where that side keeps its size. */
  readonly horizontal: Pass | null;
  readonly vertical: Pass | null;
  readonly at: Addresses;
}

const slotOf = (y: number, { ring, slots, rowBytes }: Addresses): number => ring + (y % slots) * rowBytes;

/** Makes the rows of the picture at their final width in the ring, in order, up to the `end` that it is called with. */
const createHorizontalPass = (
  { image, horizontal, at }: Job,
  kernel: Kernel,
  memory: Uint8Array,
): ((end: number) => void) => {
  const stride = image.width * 3;
  const pairOf = (y: number): Uint8Array => image.data.subarray(y * stride, (y + 2) * stride);
  if (horizontal !== null) {
    memory.set(bytesOf(horizontal.axis.first.map((pixel) => pixel * 3)), at.starts);
    memory.set(bytesOf(horizontal.weights), at.horizontalWeights);
  }
  const computePair = (y: number): void => {
    if (horizontal === null) {
      memory.set(pairOf(y).subarray(0, stride), slotOf(y, at));
      memory.set(pairOf(y).subarray(stride), slotOf(y + 1, at));
      return;
    }
    memory.set(pairOf(y), at.source);
    const { axis, pairs } = horizontal;
    const steps = (pairs * 2) / STEP_TAPS;
    const { source, rowBytes, starts, horizontalWeights } = at;
    kernel.resizeRowPair(source, stride, slotOf(y, at), rowBytes, starts, horizontalWeights, axis.first.length, steps);
  };
  let done = 0;
  return (end) => {
    for (; done < end; done += 2) computePair(done);
  };
};

/** The rows of the vertical pass, each in the same place of the kernel's memory. */
function* verticalRows(
  { axis, pairs, weights }: Pass,
  at: Addresses,
  kernel: Kernel,
  memory: Uint8Array,
  computeUntil: (end: number) => void,
): Generator<Row, void> {
  memory.set(bytesOf(weights), at.verticalWeights);
  const addresses = new Uint32Array(memory.buffer, at.rows, pairs * 2);
  const row: Row = { data: memory, offset: at.target };
  for (let y = 0; y < axis.first.length; y++) {
    const low = axis.first[y]!;
    const last = low + axis.taps[y]! - 1;
    computeUntil(last + 1);
    // Taps beyond the last have weight zero; any row will do for them.
    for (let t = 0; t < addresses.length; t++) addresses[t] = slotOf(Math.min(low + t, last), at);
    kernel.blendRows(at.rows, at.verticalWeights + y * pairs * PAIR_BYTES, pairs, at.target, at.rowBytes);
    yield row;
  }
}

function* rowsOf(job: Job, kernel: Kernel): Generator<Row, void> {
  const { height, vertical, at } = job;
  try {
    const memory = new Uint8Array(kernel.memory.buffer);
    const computeUntil = createHorizontalPass(job, kernel, memory);
    if (vertical !== null) {
      yield* verticalRows(vertical, at, kernel, memory, computeUntil);
      return;
    }
    for (let y = 0; y < height; y++) {
      computeUntil(y + 1);
      yield { data: memory, offset: slotOf(y, at) };
    }
  } finally {
    releaseKernel(kernel);
  }
}

/** `resizeRows` in WebAssembly with SIMD; null where that is missing, or nothing is to be computed. */
export const simdRows = (image: RgbImage, width: number, height: number): Iterable<Row> | null => {
  const horizontal = width === image.width ? null : createPass(image.width, width, STEP_TAPS);
  const vertical = height === image.height ? null : createPass(image.height, height, 2);
  if (horizontal === null && vertical === null) return null;
  const at = layOut(image, width, horizontal, vertical);
  const kernel = acquireKernel(at.size);
  return kernel === null ? null : rowsOf({ image, height, horizontal, vertical, at }, kernel);
};
