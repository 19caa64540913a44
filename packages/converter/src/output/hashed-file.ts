import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';

/** Size and SHA-256 of a finished file. */
export interface FileDigest {
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A file written from start to end, hashed on the way. */
export class HashedFile {
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  #size = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Creates a new file; an existing one is an error. */
  static async create(path: string): Promise<HashedFile> {
    return new HashedFile(await open(path, 'wx'));
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.byteLength;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.byteLength - done);
      done += bytesWritten;
    }
    this.#size += bytes.byteLength;
  }

  /** Writes zeros up to an offset from the file's start. */
  async padTo(offset: number): Promise<void> {
    if (offset > this.#size) await this.write(new Uint8Array(offset - this.#size));
  }

  /** Flushes the file to the disk and closes it. */
  async finish(): Promise<FileDigest> {
    await this.#handle.sync();
    await this.#handle.close();
    return { size: this.#size, sha256: this.#hash.digest('hex') };
  }

  /** Closes the file without a result. */
  async abandon(): Promise<void> {
    await this.#handle.close();
  }
}
