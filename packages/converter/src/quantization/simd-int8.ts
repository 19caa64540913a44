import { weightElementBytes } from '../tensors/float.js';
import { scatterTransposed } from '../tensors/transpose.js';
import { KERNEL_DTYPES, VECTOR_BYTES, kernelWith } from './kernel.js';
import { rowCount, type Int8Columns, type StoredRows } from './rows.js';

/** Values that are transposed at a time, so that they stay in the processor's second cache. */
const PIECE_VALUES = 262_144;
/** The kernel takes so many values at a time. */
const VALUES_PER_STEP = 8;

const aligned = (bytes: number): number => Math.ceil(bytes / VECTOR_BYTES) * VECTOR_BYTES;

/**
 * `quantizeInt8` in WebAssembly with SIMD, for rows in the checkpoint's type: the same codes, transposed.
 *
 * @returns false when a value is not finite, and then `target` means nothing; null where there is no SIMD
 */
export function simdInt8(rows: StoredRows, target: Int8Columns): boolean | null {
  const { bytes, dtype, columns } = rows;
  const rowBytes = columns * weightElementBytes(dtype);
  const length = Math.ceil(columns / VALUES_PER_STEP) * VALUES_PER_STEP;
  const most = Math.max(1, Math.floor(PIECE_VALUES / length));
  // A row, its scale, and the codes of some rows.
  const scale = aligned(length * weightElementBytes(dtype));
  const codes = scale + VECTOR_BYTES;
  const kernel = kernelWith(codes + most * length);
  if (kernel === null) return null;
  const memory = new Uint8Array(kernel.memory.buffer);
  const scaleOf = new Float32Array(memory.buffer, scale, 1);
  // Zeros, which change nothing, fill up the row.
  memory.fill(0, rowBytes, scale);
  const selected = Int32Array.from({ length: columns }, (_, column) => column);
  const height = rowCount(rows);
  for (let first = 0; first < height; first += most) {
    const count = Math.min(most, height - first);
    for (let i = 0; i < count; i++) {
      memory.set(bytes.subarray((first + i) * rowBytes, (first + i + 1) * rowBytes), 0);
      if (kernel.quantizeRow(0, KERNEL_DTYPES[dtype], length, codes + i * length, scale) === 0) return false;
      target.scales[first + i] = scaleOf[0]!;
    }
    const bits = new Int8Array(memory.buffer, codes, count * length);
    scatterTransposed({ bits, rows: count }, length, selected, { bits: target.codes, height, row: first });
  }
  return true;
}
