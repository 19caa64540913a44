import { throwIfAborted } from '../errors.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import { convertWeights, roundToHalf, type StoredBits, type StoredDtype } from './float.js';
import { BLOCK_BYTES, readRowBlock, rowBlocks } from './row-blocks.js';
import { runLength, type RowRun, type TensorSource } from './source.js';
import { scatterTransposed } from './transpose.js';

/** Most bytes of a transposed tensor held at a time; a larger tensor is read in several passes. */
const PANEL_BYTES = 512 * 1024 * 1024;

/** How a tensor is read and stored. */
export interface StreamOptions {
  readonly checkpoint: Checkpoint;
  readonly dtype: StoredDtype;
  readonly signal?: AbortSignal | undefined;
  /** Most bytes of a transposed tensor held at a time; default 512 MiB. */
  readonly panelBytes?: number;
}

/**
 * Yields the stored bytes of a tensor in order, whole rows at a time, reading the checkpoint piece by piece.
 *
 * @throws {ModelFormatError} `MODEL_DTYPE` for element types that are no weights, `MODEL_TENSOR_BOUNDS` for a cut file
 * @throws {AbortError} `ABORTED`
 */
export async function* streamTensor(
  source: TensorSource,
  options: StreamOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  switch (source.kind) {
    case 'values':
      yield encodeValues(source.values, options.dtype);
      break;
    case 'rows':
      for await (const block of readRows(source.runs, source.columns, options)) {
        yield bytesOf(source.select === undefined ? block.bits : pickColumns(block, source.columns, source.select));
      }
      break;
    case 'transposed':
      yield* streamTransposed(source, options);
      break;
  }
}

function encodeValues(values: Float32Array<ArrayBuffer>, dtype: StoredDtype): Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return bytesOf(dtype === 'float32' ? bits : Uint16Array.from(bits, roundToHalf));
}

function bytesOf(bits: StoredBits): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
}

interface ConvertedBlock {
  readonly bits: StoredBits;
  readonly rows: number;
}

/** Reads stacked rows in blocks of whole rows, converted to the stored type. */
async function* readRows(
  runs: readonly RowRun[],
  columns: number,
  { checkpoint, dtype, signal }: StreamOptions,
): AsyncGenerator<ConvertedBlock> {
  for (const block of rowBlocks({ runs, columns }, checkpoint)) {
    throwIfAborted(signal);
    const bytes = await readRowBlock(block, checkpoint);
    yield { bits: convertWeights(bytes, block.dtype, dtype, block.tensor?.name ?? ''), rows: block.rows };
  }
}

function zeros(length: number, dtype: StoredDtype): StoredBits {
  return dtype === 'float32' ? new Uint32Array(length) : new Uint16Array(length);
}

function pickColumns({ bits, rows }: ConvertedBlock, columns: number, select: Int32Array): StoredBits {
  const width = select.length;
  const picked = bits instanceof Uint32Array ? new Uint32Array(rows * width) : new Uint16Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let place = 0; place < width; place++) {
      const column = select[place]!;
      if (column >= 0) picked[row * width + place] = bits[row * columns + column]!;
    }
  }
  return picked;
}

type TransposedSource = Extract<TensorSource, { kind: 'transposed' }>;

async function* streamTransposed(
  source: TransposedSource,
  options: StreamOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const select = source.select ?? Int32Array.from({ length: source.columns }, (_, column) => column);
  const height = source.runs.reduce((sum, run) => sum + runLength(run), 0);
  const rowBytes = height * (options.dtype === 'float32' ? 4 : 2);
  const step = Math.max(1, Math.floor((options.panelBytes ?? PANEL_BYTES) / rowBytes));
  for (let first = 0; first < select.length; first += step) {
    const selected = select.subarray(first, first + step);
    const panel = zeros(selected.length * height, options.dtype);
    let row = 0;
    for await (const block of readRows(source.runs, source.columns, options)) {
      scatterTransposed(block, source.columns, selected, { bits: panel, height, row });
      row += block.rows;
    }
    yield* inBlocks(bytesOf(panel), rowBytes);
  }
}

function* inBlocks(bytes: Uint8Array<ArrayBuffer>, rowBytes: number): Generator<Uint8Array<ArrayBuffer>> {
  const step = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes)) * rowBytes;
  for (let start = 0; start < bytes.byteLength; start += step) yield bytes.subarray(start, start + step);
}
