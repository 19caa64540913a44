import type { ModelFile } from '@pocketlens/backend';
import { fileCut } from './model-path.js';

/** A file that is in memory. */
export class BytesFile implements ModelFile {
  readonly size: number;
  readonly #bytes: Uint8Array;
  readonly #path: string;

  constructor(bytes: Uint8Array, path: string) {
    this.#bytes = bytes;
    this.#path = path;
    this.size = bytes.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.size) throw fileCut(this.#path, this.size, [offset, length]);
    return this.#bytes.slice(offset, offset + length);
  }

  async close(): Promise<void> {}
}
