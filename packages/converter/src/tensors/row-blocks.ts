import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';
import type { Checkpoint, CheckpointTensor } from '../safetensors/checkpoint.js';
import { WEIGHT_DTYPES, isWeightDtype, weightElementBytes, type WeightDtype } from './float.js';
import type { RowRun } from './source.js';

/** Bytes of a checkpoint held at a time while a tensor is read. */
export const BLOCK_BYTES: number = 8 * 1024 * 1024;

/** Whole rows that are read at a time: of one tensor, or zeros. */
export interface RowBlock {
  readonly tensor: CheckpointTensor | undefined;
  readonly dtype: WeightDtype;
  readonly firstRow: number;
  readonly rows: number;
  /** Bytes of all its rows, as they lie in the checkpoint. */
  readonly byteLength: number;
}

/**
 * Cuts stacked rows into blocks of whole rows.
 *
 * @param blockBytes - most bytes of a block; a row is never cut
 * @throws {ModelFormatError} `MODEL_DTYPE` for element types that are no weights
 */
export function* rowBlocks(
  { runs, columns }: { readonly runs: readonly RowRun[]; readonly columns: number },
  checkpoint: Checkpoint,
  blockBytes: number = BLOCK_BYTES,
): Generator<RowBlock> {
  for (const run of runs) {
    const tensor = 'zeroRows' in run ? undefined : checkpoint.tensor(run.tensor);
    const dtype = tensor === undefined ? 'F16' : weightDtypeOf(tensor);
    const rowBytes = columns * weightElementBytes(dtype);
    const step = Math.max(1, Math.floor(blockBytes / rowBytes));
    const [firstRow, rowCount] = 'zeroRows' in run ? [0, run.zeroRows] : [run.firstRow, run.rowCount];
    for (let row = 0; row < rowCount; row += step) {
      const rows = Math.min(step, rowCount - row);
      yield { tensor, dtype, firstRow: firstRow + row, rows, byteLength: rows * rowBytes };
    }
  }
}

export async function readRowBlock(block: RowBlock, checkpoint: Checkpoint): Promise<Uint8Array<ArrayBuffer>> {
  const { tensor, byteLength } = block;
  return tensor === undefined
    ? new Uint8Array(byteLength)
    : await checkpoint.read(tensor, byteOffset(block), byteLength);
}

/** Reads a block into memory of its size, which may be shared with other threads. */
export async function readRowBlockInto(block: RowBlock, checkpoint: Checkpoint, target: Uint8Array): Promise<void> {
  if (block.tensor === undefined) target.fill(0);
  else await checkpoint.readInto(block.tensor, byteOffset(block), target);
}

function byteOffset({ firstRow, rows, byteLength }: RowBlock): number {
  return firstRow * (byteLength / rows);
}

function weightDtypeOf(tensor: CheckpointTensor): WeightDtype {
  if (isWeightDtype(tensor.dtype)) return tensor.dtype;
  throw new ModelFormatError(
    'MODEL_DTYPE',
    `tensor ${preview(tensor.name)} has dtype ${tensor.dtype}; weights are ${WEIGHT_DTYPES.join(', ')}`,
  );
}
