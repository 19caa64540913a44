import { convertWeights, weightElementBytes, type WeightDtype } from '../tensors/float.js';
import type { GgufFile, GgufTensor } from './file.js';
import { dequantizeBlocks } from './types.js';

/** A tensor of a file, or the part of a checkpoint's tensor that it is. */
export interface Piece {
  readonly file: GgufFile;
  readonly tensor: GgufTensor;
  /** Rows of a head, when llama.cpp has interleaved the two halves of each head. */
  readonly headRows?: number;
  readonly isTransposed?: boolean;
}

/** The type in which a piece is read: its own when that is a floating-point one, else float32. */
export function pieceDtype({ tensor, isTransposed }: Piece): WeightDtype {
  return isTransposed === true ? 'F32' : (tensor.type.float ?? 'F32');
}

export function pieceElements({ tensor }: Piece): number {
  return tensor.shape.reduce((product, size) => product * size, 1);
}

/** Reads a run of a piece's elements, in the order of the checkpoint, as bytes of `pieceDtype`. */
export async function readPiece(piece: Piece, first: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
  if (piece.isTransposed === true) return await readTransposed(piece, first, count);
  if (piece.headRows !== undefined) return await readInterleaved(piece, piece.headRows, first, count);
  return await readStored(piece, first, count);
}

/** Reads elements as they lie in the file, dequantised. */
async function readStored({ file, tensor }: Piece, first: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const { type } = tensor;
  const firstBlock = Math.floor(first / type.blockValues);
  const endBlock = Math.ceil((first + count) / type.blockValues);
  const bytes = await file.read(tensor, firstBlock * type.blockBytes, (endBlock - firstBlock) * type.blockBytes);
  if (type.float !== undefined) return bytes;
  const values = dequantizeBlocks(type, bytes);
  const start = first - firstBlock * type.blockValues;
  return new Uint8Array(values.buffer, start * 4, count * 4);
}

/**
 * Undoes llama.cpp's order of rows: there row 2 i + s of a head is row s * half + i of the checkpoint. Whole heads are
 * read, so that the file is not read row by row.
 *
 * @source llama.cpp `convert_hf_to_gguf.py` (`LlamaModel.permute`)
 */
async function readInterleaved(
  piece: Piece,
  headRows: number,
  first: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const columns = pieceElements(piece) / (piece.tensor.shape[0] ?? 1);
  const rowBytes = columns * weightElementBytes(pieceDtype(piece));
  const headElements = headRows * columns;
  const firstHead = Math.floor(first / headElements);
  const endHead = Math.ceil((first + count) / headElements);
  const stored = await readStored(piece, firstHead * headElements, (endHead - firstHead) * headElements);
  const rows = new Uint8Array(stored.byteLength);
  const half = headRows / 2;
  for (let row = 0; row < (endHead - firstHead) * headRows; row++) {
    const within = row % headRows;
    const from = row - within + (within % half) * 2 + Math.floor(within / half);
    rows.set(stored.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  const size = rowBytes / columns;
  const start = (first - firstHead * headElements) * size;
  return rows.slice(start, start + count * size);
}

/** Reads a transposed matrix through a copy of the whole: one square of the model's width. */
async function readTransposed(piece: Piece, first: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const { tensor } = piece;
  const [rows = 1, columns = 1] = tensor.shape;
  const stored = await readStored(piece, 0, rows * columns);
  const bits = convertWeights(stored, tensor.type.float ?? 'F32', 'float32', tensor.name);
  const turned = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const row = Math.floor((first + i) / rows);
    turned[i] = bits[((first + i) % rows) * columns + row]!;
  }
  return new Uint8Array(turned.buffer);
}
