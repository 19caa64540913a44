import { throwIfAborted } from '../errors.js';
import type { TensorSource } from '../tensors/source.js';
import type { Int4Scheme, Int8Scheme, QuantizationScheme } from './scheme.js';
import { streamRows, type StreamRowsOptions } from './stream-rows.js';
import { int4Of, int8Of } from './worker/task.js';

/** A linear layer's weight to be quantised. */
export interface QuantizedTensor {
  /** Name for messages. */
  readonly name: string;
  /** Gives the matrix row by row: [outputs, inputs]. */
  readonly source: TensorSource;
  readonly outputs: number;
  readonly inputs: number;
  readonly scheme: QuantizationScheme;
}

/** The arrays of a quantised tensor, in the order of writing. */
export type QuantizedPart = 'codes' | 'scales' | 'zeroPoints';

/** What `streamCodes` leaves when it is done. */
export interface QuantizationRest {
  scales: Uint8Array<ArrayBuffer>;
  zeroPoints: Uint8Array<ArrayBuffer>;
}

/** Most bytes of int8 codes held at a time; a larger tensor is read in several passes. */
const PANEL_BYTES = 640 * 1024 * 1024;
/** Bytes of a panel handed out at a time. */
const PIECE_BYTES = 8 * 1024 * 1024;

export interface QuantizeOptions extends StreamRowsOptions {
  /** Most bytes of int8 codes held at a time; default 640 MiB. */
  readonly panelBytes?: number;
}

/**
 * Quantises a tensor while it is read, and yields its codes: int4 as [outputs, blocks, block size / 2], int8 as
 * [inputs, outputs]; they are valid until the next ones are asked for. Scales and zero points are collected in `rest`.
 *
 * @throws {ModelFormatError} `MODEL_DTYPE` when a value is not finite; else as `streamTensor`
 * @throws {AbortError} `ABORTED`
 */
export async function* streamCodes(
  tensor: QuantizedTensor,
  rest: QuantizationRest,
  options: QuantizeOptions,
): AsyncGenerator<Uint8Array> {
  const { scheme } = tensor;
  if (scheme.bits === 4) yield* streamInt4(tensor, scheme, rest, options);
  else yield* streamInt8(tensor, scheme, rest, options);
}

/** Bytes collected piece by piece; `size` is known before. */
class Collector {
  readonly bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  add(part: Uint8Array | Float32Array): void {
    this.bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), this.#length);
    this.#length += part.byteLength;
  }
}

async function* streamInt4(
  tensor: QuantizedTensor,
  scheme: Int4Scheme,
  rest: QuantizationRest,
  options: QuantizeOptions,
): AsyncGenerator<Uint8Array> {
  const { outputs, inputs } = tensor;
  const blocks = Math.ceil(inputs / scheme.blockSize);
  const scales = new Collector(outputs * blocks * 4);
  const zeroPoints = new Collector(outputs * Math.ceil(blocks / 2));
  for await (const task of streamRows(tensor, scheme, options)) {
    const rows = int4Of(task);
    scales.add(rows.scales);
    zeroPoints.add(rows.zeroPoints);
    yield rows.codes;
  }
  rest.scales = scales.bytes;
  rest.zeroPoints = zeroPoints.bytes;
}

async function* streamInt8(
  tensor: QuantizedTensor,
  scheme: Int8Scheme,
  rest: QuantizationRest,
  options: QuantizeOptions,
): AsyncGenerator<Uint8Array> {
  const { outputs, inputs } = tensor;
  const step = Math.max(1, Math.floor((options.panelBytes ?? PANEL_BYTES) / outputs));
  for (let first = 0; first < inputs; first += step) {
    const height = Math.min(step, inputs - first);
    const panel = new Int8Array(height * outputs);
    const scales = new Collector(outputs * 4);
    let row = 0;
    for await (const task of streamRows(tensor, scheme, options)) {
      const { codes, scales: rowScales } = int8Of(task);
      scales.add(rowScales);
      for (let column = 0; column < height; column++) {
        const start = (first + column) * task.rows;
        panel.set(codes.subarray(start, start + task.rows), column * outputs + row);
      }
      row += task.rows;
    }
    rest.scales = scales.bytes;
    const bytes = new Uint8Array(panel.buffer);
    for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) {
      throwIfAborted(options.signal);
      yield bytes.subarray(start, start + PIECE_BYTES);
    }
  }
}
