import { DisposedError, InvalidArgumentError, ModelFormatError } from '@pocketlens/backend';
import type { ModelFile, ModelSource } from '@pocketlens/backend';
import { float16ToFloat32 } from './float16.js';
import { isObject } from './json.js';
import type { JsonObject } from './json.js';

const TENSOR = 'embed_tokens.weight';
/** Limit of the safetensors format's reference implementation is 100 MB; one tensor needs far less. */
const MAX_HEADER_BYTES = 1024 * 1024;
/** Tables up to this size are held in memory: a read by row costs more than the memory is worth. */
const RESIDENT_BYTES = 32 * 1024 * 1024;
/** Rows kept from a table on disk: a prompt repeats few distinct ids. */
const CACHED_ROWS = 1024;

interface TensorLayout {
  readonly bytesPerValue: 2 | 4;
  readonly offset: number;
}

/** Embedding rows of `embed_tokens.safetensors`, read by offset: a large table is never held whole. */
export class EmbeddingTable {
  readonly #file: ModelFile;
  readonly #layout: TensorLayout;
  readonly #vocabSize: number;
  readonly #hiddenSize: number;
  readonly #rows = new Map<number, Float32Array>();
  #resident: Uint8Array | undefined;
  #isClosed = false;

  private constructor(file: ModelFile, layout: TensorLayout, shape: readonly [number, number]) {
    this.#file = file;
    this.#layout = layout;
    [this.#vocabSize, this.#hiddenSize] = shape;
  }

  /**
   * Opens the table and checks its header.
   *
   * @throws {ModelFormatError} `MODEL_HEADER`, `MODEL_TENSOR_BOUNDS`, `MODEL_DTYPE`, `MODEL_FILE_MISSING`
   */
  static async open(
    source: ModelSource,
    path: string,
    shape: readonly [vocabSize: number, hiddenSize: number],
  ): Promise<EmbeddingTable> {
    const file = await source.open(path);
    try {
      const table = new EmbeddingTable(file, await readLayout(file, path, shape), shape);
      const bytes = shape[0] * shape[1] * table.#layout.bytesPerValue;
      if (bytes <= RESIDENT_BYTES) table.#resident = await file.read(table.#layout.offset, bytes);
      return table;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Copies the row of `id` to `target` at `offset`. Throws `InvalidArgumentError` for an id outside the vocabulary. */
  async copyRow(id: number, target: Float32Array, offset: number): Promise<void> {
    if (!Number.isInteger(id) || id < 0 || id >= this.#vocabSize) {
      throw new InvalidArgumentError('ARGUMENT_RANGE', `token id ${id} is outside 0..${this.#vocabSize - 1}`);
    }
    if (this.#isClosed) throw new DisposedError('the model');
    const bytesPerRow = this.#hiddenSize * this.#layout.bytesPerValue;
    if (this.#resident !== undefined) {
      const row = this.#resident.subarray(id * bytesPerRow, (id + 1) * bytesPerRow);
      this.#decode(row, target.subarray(offset, offset + this.#hiddenSize));
      return;
    }
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = new Float32Array(this.#hiddenSize);
      this.#decode(await this.#file.read(this.#layout.offset + id * bytesPerRow, bytesPerRow), row);
      this.#remember(id, row);
    }
    target.set(row, offset);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#rows.clear();
    this.#resident = undefined;
    return this.#file.close();
  }

  #decode(bytes: Uint8Array, target: Float32Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#layout.bytesPerValue === 4) {
      for (let i = 0; i < target.length; i++) target[i] = view.getFloat32(4 * i, true);
    } else {
      for (let i = 0; i < target.length; i++) target[i] = float16ToFloat32(view.getUint16(2 * i, true));
    }
  }

  #remember(id: number, row: Float32Array): void {
    const oldest = this.#rows.size >= CACHED_ROWS ? this.#rows.keys().next().value : undefined;
    if (oldest !== undefined) this.#rows.delete(oldest);
    this.#rows.set(id, row);
  }
}

async function readLayout(file: ModelFile, path: string, shape: readonly [number, number]): Promise<TensorLayout> {
  const fail = (message: string): ModelFormatError => new ModelFormatError('MODEL_HEADER', `${path}: ${message}`);
  if (file.size < 8) throw fail(`${file.size} bytes, a safetensors file has at least 8`);
  const start = await file.read(0, 8);
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || 8 + length > file.size) {
    throw fail(`header of ${length} bytes in a file of ${file.size} (at most ${MAX_HEADER_BYTES})`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await file.read(8, length)));
  } catch (cause) {
    throw new ModelFormatError('MODEL_HEADER', `${path}: the header is not JSON`, { cause });
  }
  const tensor = isObject(header) ? header[TENSOR] : undefined;
  if (!isObject(tensor)) throw fail(`no tensor ${TENSOR}`);
  return tensorLayout(tensor, path, { shape, dataStart: 8 + length, fileSize: file.size });
}

function tensorLayout(
  tensor: JsonObject,
  path: string,
  expected: { readonly shape: readonly [number, number]; readonly dataStart: number; readonly fileSize: number },
): TensorLayout {
  const { dtype } = tensor;
  if (dtype !== 'F16' && dtype !== 'F32') {
    throw new ModelFormatError('MODEL_DTYPE', `${path}: ${TENSOR} is ${String(dtype)}, expected F16 or F32`);
  }
  const bytesPerValue = dtype === 'F16' ? 2 : 4;
  const bytes = expected.shape[0] * expected.shape[1] * bytesPerValue;
  const [begin, end] = Array.isArray(tensor['data_offsets']) ? (tensor['data_offsets'] as unknown[]) : [];
  const isInside = typeof begin === 'number' && Number.isSafeInteger(begin) && begin >= 0 && end === begin + bytes;
  if (
    String(tensor['shape']) !== String(expected.shape) ||
    !isInside ||
    expected.dataStart + begin + bytes > expected.fileSize
  ) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${path}: ${TENSOR} has shape [${String(tensor['shape'])}] at bytes ${String(begin)}..${String(end)} of ` +
        `${expected.fileSize - expected.dataStart}, expected [${String(expected.shape)}] in ${bytes} bytes`,
    );
  }
  return { bytesPerValue, offset: expected.dataStart + begin };
}
