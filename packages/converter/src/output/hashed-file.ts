import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { systemErrorCode } from '../errors.js';

/** Size and SHA-256 of a finished file. */
export interface FileDigest {
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Bytes read at a time while a file's beginning is hashed again. */
const READ_BYTES = 4 * 1024 * 1024;

/** A file written from start to end, hashed on the way. */
export class HashedFile {
  readonly #handle: FileHandle;
  readonly #hash: Hash;
  #size: number;

  private constructor(handle: FileHandle, hash: Hash, size: number) {
    this.#handle = handle;
    this.#hash = hash;
    this.#size = size;
  }

  /** Creates a file; an existing one is emptied. */
  static async create(path: string): Promise<HashedFile> {
    return new HashedFile(await open(path, 'w'), createHash('sha256'), 0);
  }

  /**
   * Opens a file to go on behind bytes that are already there; what lies behind them is cut off.
   *
   * @returns nothing when the file is shorter or begins with other bytes
   */
  static async resume(path: string, { size, sha256 }: FileDigest): Promise<HashedFile | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r+');
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const hash = await hashPrefix(handle, size);
      if (hash?.copy().digest('hex') === sha256) {
        await handle.truncate(size);
        return new HashedFile(handle, hash, size);
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  /** Bytes written so far, those of earlier runs included. */
  get size(): number {
    return this.#size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.byteLength;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.byteLength - done, this.#size + done);
      done += bytesWritten;
    }
    this.#size += bytes.byteLength;
  }

  /** Writes zeros up to an offset from the file's start. */
  async padTo(offset: number): Promise<void> {
    if (offset > this.#size) await this.write(new Uint8Array(offset - this.#size));
  }

  /** Flushes what was written until now to the disk, and tells its digest; the next bytes may be written meanwhile. */
  async flush(): Promise<FileDigest> {
    const digest = { size: this.#size, sha256: this.#hash.copy().digest('hex') };
    await this.#handle.sync();
    return digest;
  }

  /** Flushes the file to the disk and closes it. */
  async finish(): Promise<FileDigest> {
    const digest = await this.flush();
    await this.#handle.close();
    return digest;
  }

  /** Closes the file without a result. */
  async abandon(): Promise<void> {
    await this.#handle.close();
  }
}

/** Hash of the first bytes of a file; nothing when it has fewer. */
async function hashPrefix(handle: FileHandle, size: number): Promise<Hash | undefined> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(Math.min(size, READ_BYTES));
  for (let position = 0; position < size;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.byteLength, size - position), position);
    if (bytesRead === 0) return undefined;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return hash;
}
