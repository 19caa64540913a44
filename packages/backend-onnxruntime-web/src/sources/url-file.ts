import type { ModelFile } from '@pocketlens/backend';
import { isPocketlensError } from '@pocketlens/backend';
import { ByteStream } from './byte-stream.js';
import { fileCut } from './model-path.js';
import type { Ask } from './url-source.js';

/**
 * A large file on a server. One request is read as a stream as long as reads follow each other, which is how weights
 * are read; a read elsewhere is a request for a range.
 */
export class UrlFile implements ModelFile {
  readonly size: number;
  readonly #url: string;
  readonly #path: string;
  readonly #ask: Ask;
  #stream: ByteStream | undefined;
  /** The content, where the server gives no ranges. */
  #whole: Uint8Array | undefined;

  private constructor(url: string, options: { readonly path: string; readonly size: number; readonly ask: Ask }) {
    this.#url = url;
    this.#path = options.path;
    this.#ask = options.ask;
    this.size = options.size;
  }

  /** Asks for the size. What a server cannot tell without sending the file is found by reading it. */
  static async open(url: string, path: string, ask: Ask): Promise<UrlFile> {
    const told = await askForSize(url, ask);
    if (told !== undefined) return new UrlFile(url, { path, size: told, ask });
    const response = await ask(url);
    const size = sizeOf(response);
    const stream = new ByteStream(response, path);
    if (size !== undefined) {
      const file = new UrlFile(url, { path, size, ask });
      file.#stream = stream;
      return file;
    }
    const whole = await stream.readAll();
    const file = new UrlFile(url, { path, size: whole.length, ask });
    file.#whole = whole;
    return file;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.size) throw fileCut(this.#path, this.size, [offset, length]);
    if (this.#whole !== undefined) return this.#whole.slice(offset, offset + length);
    if (this.#stream?.position === offset) return this.#stream.read(length);
    if (offset === 0) {
      await this.close();
      this.#stream = new ByteStream(await this.#ask(this.#url), this.#path);
      return this.#stream.read(length);
    }
    return this.#readRange(offset, length);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    // What is read to its end is left to end: browsers count a cancelled request as a failed one.
    await (stream?.position === this.size ? stream.readAll() : stream?.cancel());
  }

  async #readRange(offset: number, length: number): Promise<Uint8Array> {
    const response = await this.#ask(this.#url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
    const stream = new ByteStream(response, this.#path);
    if (response.status === 206) {
      const bytes = await stream.read(length);
      await stream.cancel();
      return bytes;
    }
    this.#whole = await stream.readAll();
    if (offset + length > this.#whole.length) throw fileCut(this.#path, this.#whole.length, [offset, length]);
    return this.#whole.slice(offset, offset + length);
  }
}

/** The size by a request without content; undefined where that is refused, as by some caches, or does not tell. */
async function askForSize(url: string, ask: Ask): Promise<number | undefined> {
  try {
    const response = await ask(url, { method: 'HEAD' });
    await response.arrayBuffer();
    return sizeOf(response);
  } catch (error) {
    if (isPocketlensError(error) && error.code === 'BACKEND_FAILED') return undefined;
    throw error;
  }
}

/** Bytes of the content as it will be read: what is compressed on the way tells another number. */
function sizeOf({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  const coding = headers.get('content-encoding');
  return length !== null && /^\d+$/.test(length) && (coding === null || coding === 'identity')
    ? Number(length)
    : undefined;
}
