import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';
import { parseSafetensorsHeader, readHeaderLength, type SafetensorsHeader, type TensorLocation } from './header.js';

/** An open safetensors file: its header in memory, its data read on demand. */
export class SafetensorsFile {
  readonly path: string;
  readonly header: SafetensorsHeader;
  readonly #handle: FileHandle;

  private constructor(path: string, header: SafetensorsHeader, handle: FileHandle) {
    this.path = path;
    this.header = header;
    this.#handle = handle;
  }

  /**
   * Opens a file and checks its header; no tensor is read.
   *
   * @throws {ModelFormatError} `MODEL_HEADER`, `MODEL_TENSOR_BOUNDS` or `MODEL_DTYPE`
   */
  static async open(path: string): Promise<SafetensorsFile> {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const label = basename(path);
      const start = await readExactly(handle, 0, Math.min(size, 8), label);
      const headerLength = readHeaderLength(start, size, label);
      const header = await readExactly(handle, 8, headerLength, label);
      return new SafetensorsFile(path, parseSafetensorsHeader(header, size, label), handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Reads a range of a tensor's bytes.
   *
   * @param offset - first byte, counted from the tensor's start
   * @throws {ModelFormatError} `MODEL_TENSOR_BOUNDS` when the range leaves the tensor or the file was cut meanwhile
   */
  async read(tensor: TensorLocation, offset: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(tensor, offset, byteLength);
    return await readExactly(this.#handle, tensor.offset + offset, byteLength, basename(this.path));
  }

  /** `read` into memory of the range's size, which may be shared with other threads. */
  async readInto(tensor: TensorLocation, offset: number, target: Uint8Array): Promise<void> {
    checkRange(tensor, offset, target.byteLength);
    await fill(this.#handle, tensor.offset + offset, target, basename(this.path));
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function checkRange(tensor: TensorLocation, offset: number, byteLength: number): void {
  if (offset >= 0 && byteLength >= 0 && offset + byteLength <= tensor.byteLength) return;
  throw new ModelFormatError(
    'MODEL_TENSOR_BOUNDS',
    `tensor ${preview(tensor.name)}: bytes ${offset} to ${offset + byteLength} of ${tensor.byteLength}`,
  );
}

async function readExactly(
  handle: FileHandle,
  position: number,
  byteLength: number,
  label: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(byteLength);
  await fill(handle, position, bytes, label);
  return bytes;
}

async function fill(handle: FileHandle, position: number, target: Uint8Array, label: string): Promise<void> {
  const { byteLength } = target;
  for (let done = 0; done < byteLength;) {
    const { bytesRead } = await handle.read(target, done, Math.min(byteLength - done, 2 ** 30), position + done);
    if (bytesRead === 0) {
      throw new ModelFormatError('MODEL_TENSOR_BOUNDS', `${label}: the file ends at byte ${position + done}`);
    }
    done += bytesRead;
  }
}
