import type { FileHandle } from 'node:fs/promises';

type Dtype = 'F32' | 'I32';

interface Entry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

const LENGTH_BYTES = 8;
/** More than the longest JSON entry: names and shapes here have a handful of digits each. */
const BYTES_PER_ENTRY = 192;

/**
 * Writes tensors one by one although the safetensors header comes first: its space is reserved, and what is not needed is
 * filled with blanks, which the format allows.
 */
export class SafetensorsWriter {
  readonly #file: FileHandle;
  readonly #headerBytes: number;
  readonly #entries: Record<string, Entry> = {};
  #dataBytes = 0;

  /** @param maxEntries - most tensors that will be written */
  constructor(file: FileHandle, maxEntries: number) {
    this.#file = file;
    this.#headerBytes = Math.ceil((256 + maxEntries * BYTES_PER_ENTRY) / 8) * 8;
  }

  async add(name: string, dtype: Dtype, shape: readonly number[], values: Float32Array | Int32Array): Promise<void> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const begin = this.#dataBytes;
    await this.#file.write(bytes, 0, bytes.length, LENGTH_BYTES + this.#headerBytes + begin);
    this.#dataBytes = begin + bytes.length;
    this.#entries[name] = { dtype, shape, data_offsets: [begin, this.#dataBytes] };
  }

  /** Writes the header; the file is complete after it. */
  async finish(): Promise<void> {
    const header = Buffer.alloc(LENGTH_BYTES + this.#headerBytes, ' ');
    header.writeBigUInt64LE(BigInt(this.#headerBytes), 0);
    const json = JSON.stringify(this.#entries);
    if (json.length > this.#headerBytes) throw new RangeError('more tensors than announced');
    header.write(json, LENGTH_BYTES);
    await this.#file.write(header, 0, header.length, 0);
  }
}
