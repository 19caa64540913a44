import { BackendError } from '@pocketlens/backend';
import { fileCut } from './model-path.js';

/** The content of an answer, read in pieces of any size, in order. */
export class ByteStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #path: string;
  /** What came and was not asked for yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor({ body }: Response, path: string) {
    this.#reader = body?.getReader();
    this.#path = path;
  }

  /** Bytes that were read. */
  get position(): number {
    return this.#position;
  }

  async read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#rest.length === 0) {
        const next = await this.#next();
        if (next === undefined) throw fileCut(this.#path, this.#position + filled, [this.#position, length]);
        this.#rest = next;
      }
      const piece = this.#rest.subarray(0, length - filled);
      bytes.set(piece, filled);
      filled += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    this.#position += length;
    return bytes;
  }

  async readAll(): Promise<Uint8Array> {
    const pieces = [this.#rest];
    for (let next = await this.#next(); next !== undefined; next = await this.#next()) pieces.push(next);
    this.#rest = new Uint8Array(0);
    const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const piece of pieces) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    this.#position += offset;
    return bytes;
  }

  async cancel(): Promise<void> {
    // A stream that has failed cannot be cancelled, and need not be.
    await this.#reader?.cancel().catch(() => undefined);
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = (await this.#reader?.read()) ?? { done: true, value: undefined };
      return done ? undefined : value;
    } catch (cause) {
      throw new BackendError('BACKEND_FAILED', `the connection broke while ${this.#path} was read`, {
        cause,
        hint: 'Try again.',
        details: { path: this.#path },
        isRetryable: true,
      });
    }
  }
}
