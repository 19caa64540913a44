import { BackendError } from '@pocketlens/backend';
import type { ModelFile } from '@pocketlens/backend';
import { fileCut } from './model-path.js';

/** A file that the browser holds, or knows where to find on disk. */
export class BlobFile implements ModelFile {
  readonly size: number;
  readonly #blob: Blob;
  readonly #path: string;

  constructor(blob: Blob, path: string) {
    this.#blob = blob;
    this.#path = path;
    this.size = blob.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.size) throw fileCut(this.#path, this.size, [offset, length]);
    try {
      return new Uint8Array(await this.#blob.slice(offset, offset + length).arrayBuffer());
    } catch (cause) {
      // Browsers refuse to read a file that has changed on disk since it was chosen.
      throw new BackendError('BACKEND_FAILED', `${this.#path} cannot be read any more`, {
        cause,
        hint: 'The file was changed, moved or deleted: choose the model again.',
        details: { path: this.#path },
      });
    }
  }

  async close(): Promise<void> {}
}
