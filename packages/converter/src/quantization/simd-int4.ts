import { weightElementBytes } from '../tensors/float.js';
import type { Int4Rows } from './int4.js';
import { KERNEL_DTYPES, VECTOR_BYTES, kernelWith, type Kernel } from './kernel.js';
import { rowCount, type StoredRows } from './rows.js';
import type { Int4Scheme } from './scheme.js';

/** Values that the kernel is given at a time: with their codes they fit into the processor's second cache. */
const PIECE_VALUES = 65_536;
/** The kernel works on two values of float64 at a time. */
const SCRATCH_BYTES_PER_VALUE = 16;

/** Where everything lies in the kernel's memory, for pieces of so many rows. */
interface Layout {
  readonly rows: number;
  /** Blocks of a row. */
  readonly blocks: number;
  readonly scratch: number;
  readonly source: number;
  readonly codes: number;
  readonly scales: number;
  readonly zeroPoints: number;
  readonly size: number;
}

function layOut({ columns, dtype }: StoredRows, blockSize: number): Layout {
  const blocks = Math.ceil(columns / blockSize);
  const rows = Math.max(1, Math.floor(PIECE_VALUES / (blocks * blockSize)));
  // The kernel takes two blocks at a time.
  const mostBlocks = Math.ceil((rows * blocks) / 2) * 2;
  let size = 0;
  const place = (bytes: number): number => {
    const address = size;
    size += Math.ceil(bytes / VECTOR_BYTES) * VECTOR_BYTES;
    return address;
  };
  return {
    rows,
    blocks,
    scratch: place(blockSize * SCRATCH_BYTES_PER_VALUE),
    source: place(mostBlocks * blockSize * weightElementBytes(dtype)),
    codes: place((mostBlocks * blockSize) / 2),
    scales: place(mostBlocks * 4),
    zeroPoints: place(mostBlocks),
    size,
  };
}

/**
 * `quantizeInt4` in WebAssembly with SIMD, for rows in the checkpoint's type: the same bytes.
 *
 * @returns false when a value is not finite, and then `target` means nothing; null where there is no SIMD
 */
export function simdInt4(rows: StoredRows, scheme: Int4Scheme, target: Int4Rows): boolean | null {
  const layout = layOut(rows, scheme.blockSize);
  const kernel = kernelWith(layout.size);
  if (kernel === null) return null;
  const count = rowCount(rows);
  for (let row = 0; row < count; row += layout.rows) {
    const piece = { row, rows: Math.min(layout.rows, count - row) };
    if (!quantizePiece(kernel, layout, { rows, scheme, target, piece })) return false;
  }
  return true;
}

interface Work {
  readonly rows: StoredRows;
  readonly scheme: Int4Scheme;
  readonly target: Int4Rows;
  readonly piece: { readonly row: number; readonly rows: number };
}

function quantizePiece(kernel: Kernel, layout: Layout, { rows, scheme, target, piece }: Work): boolean {
  const { blockSize, rounding } = scheme;
  const memory = new Uint8Array(kernel.memory.buffer);
  const count = piece.rows * layout.blocks;
  const even = Math.ceil(count / 2) * 2;
  fillSource(memory, layout, rows, blockSize, piece);
  const isFinite = kernel.quantizeBlocks(
    layout.source,
    KERNEL_DTYPES[rows.dtype],
    even,
    blockSize,
    rounding === 'least-squares' ? 1 : 0,
    layout.scratch,
    layout.codes,
    layout.scales,
    layout.zeroPoints,
  );
  if (isFinite === 0) return false;
  const first = piece.row * layout.blocks;
  const { codes, scales, zeroPoints } = layout;
  target.codes.set(memory.subarray(codes, codes + (count * blockSize) / 2), (first * blockSize) / 2);
  target.scales.set(new Float32Array(memory.buffer, scales, count), first);
  packZeroPoints(memory.subarray(zeroPoints, zeroPoints + count), layout.blocks, target.zeroPoints, piece.row);
  return true;
}

/** Copies rows to the kernel; zeros, which change nothing, fill up the last block of each, and the last pair of blocks. */
function fillSource(
  memory: Uint8Array,
  { source, blocks }: Layout,
  { bytes, dtype, columns }: StoredRows,
  blockSize: number,
  piece: Work['piece'],
): void {
  const elementBytes = weightElementBytes(dtype);
  const from = columns * elementBytes;
  const to = blocks * blockSize * elementBytes;
  const end = source + piece.rows * to;
  if (from === to) {
    memory.set(bytes.subarray(piece.row * from, (piece.row + piece.rows) * from), source);
  } else {
    for (let row = 0; row < piece.rows; row++) {
      const start = (piece.row + row) * from;
      memory.set(bytes.subarray(start, start + from), source + row * to);
      memory.fill(0, source + row * to + from, source + (row + 1) * to);
    }
  }
  if ((piece.rows * blocks) % 2 === 1) memory.fill(0, end, end + blockSize * elementBytes);
}

/** Two zero points a byte; rows begin with a new byte. */
function packZeroPoints(zeroPoints: Uint8Array, blocks: number, target: Uint8Array, firstRow: number): void {
  const rowBytes = Math.ceil(blocks / 2);
  const rows = zeroPoints.length / blocks;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < rowBytes; i++) {
      const block = 2 * i;
      const low = zeroPoints[row * blocks + block]!;
      const high = block + 1 < blocks ? zeroPoints[row * blocks + block + 1]! : 0;
      target[(firstRow + row) * rowBytes + i] = low | (high << 4);
    }
  }
}
