import type { Hash } from 'node:crypto';
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../errors.js';
import type { CacheLayout } from './cache-layout.js';
import { contentHash, hashFile } from './content-hash.js';
import { DownloadError } from './errors.js';
import type { RemoteFile } from './remote-file.js';
import { writeWhole } from './write-whole.js';

/**
 * The beginning of a file, on its way into the cache: what is on the disk is always a prefix, so that a killed download
 * loses only what had not been written.
 */
export class PartialFile {
  readonly #file: RemoteFile;
  readonly #layout: CacheLayout;
  readonly #handle: FileHandle;
  #hash: Hash;
  #length = 0;
  #isFinished = false;
  #validator: string | undefined;

  private constructor(layout: CacheLayout, file: RemoteFile, handle: FileHandle) {
    this.#layout = layout;
    this.#file = file;
    this.#handle = handle;
    this.#hash = contentHash(file);
  }

  /** Opens or creates the file; reads what is there once, for the hash. */
  static async open(layout: CacheLayout, file: RemoteFile, signal?: AbortSignal): Promise<PartialFile> {
    const path = layout.incomplete(file.hash);
    // Neither 'r+' nor 'w+' opens both an existing and a new file without cutting it; 'a' ignores positions.
    const handle = await open(path, 'r+').catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return open(path, 'wx+');
      throw error;
    });
    const partial = new PartialFile(layout, file, handle);
    try {
      await partial.#readPrefix(signal);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return partial;
  }

  /** Bytes that are here. */
  get length(): number {
    return this.#length;
  }

  /** The strong `ETag` of what is here, if the server gave one. */
  get validator(): string | undefined {
    return this.#validator;
  }

  /** Keeps the `ETag` of what is going to be written. */
  async setValidator(etag: string | undefined): Promise<void> {
    if (etag === this.#validator) return;
    this.#validator = etag;
    const path = this.#layout.validator(this.#file.hash);
    if (etag === undefined) await rm(path, { force: true });
    else await writeWhole(path, etag);
  }

  /** Appends. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.byteLength;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.byteLength - done, this.#length);
      done += bytesWritten;
      this.#length += bytesWritten;
    }
  }

  /** Forgets all that is here. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    await this.setValidator(undefined);
    this.#hash = contentHash(this.#file);
    this.#length = 0;
  }

  /**
   * Checks the content, flushes it to the disk and gives it its name in the cache.
   *
   * @throws {DownloadError} `DOWNLOAD_CHECKSUM`; the content is gone then
   */
  async finish(): Promise<void> {
    const { hash, path, kind } = this.#file;
    const digest = this.#hash.digest('hex');
    if (digest !== hash) {
      await this.restart();
      const name = kind === 'sha256' ? 'SHA-256' : 'git hash';
      throw new DownloadError(
        'DOWNLOAD_CHECKSUM',
        `${path}: ${name} ${hash.slice(0, 12)} expected, ${digest.slice(0, 12)} received`,
        { hint: 'The server or something on the way alters the file: try another endpoint or network.' },
      );
    }
    await this.#handle.sync();
    await rename(this.#layout.incomplete(hash), this.#layout.blob(hash));
    this.#isFinished = true;
    await this.setValidator(undefined);
    await syncDirectory(dirname(this.#layout.blob(hash)));
  }

  /** Closes the file; an empty one that was not finished goes away. */
  async close(): Promise<void> {
    await this.#handle.close();
    if (!this.#isFinished && this.#length === 0) await rm(this.#layout.incomplete(this.#file.hash), { force: true });
  }

  async #readPrefix(signal: AbortSignal | undefined): Promise<void> {
    const { hash, size } = this.#file;
    const { size: found } = await this.#handle.stat();
    this.#validator = await readFile(this.#layout.validator(hash), 'utf8').catch(() => undefined);
    if (found > size) return this.restart();
    if (found > 0) await hashFile(this.#layout.incomplete(hash), this.#hash, signal);
    this.#length = found;
  }
}

/** Flushes a directory's entries; systems that cannot open directories do it on their own. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
