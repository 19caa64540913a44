import { createReadStream } from 'node:fs';

import { DatasetError } from '../errors.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const LONGEST_KEY_BYTES = 256;
const LONGEST_ITEM_BYTES = 64 * 2 ** 20;

/** An item of an array that stands under a key of the outermost object. */
export interface ArrayItem {
  readonly key: string;
  readonly value: unknown;
}

/**
 * Reads objects out of arrays of a JSON file that is too large to be parsed at once: `{"annotations": [{…}, {…}], …}`. One
 * item is in memory at a time.
 *
 * @param keys - the arrays that are wanted; the others are passed over
 * @throws {DatasetError} `DATASET_FORMAT` when the file cannot be read, or is cut off
 */
export async function* readArrayItems(
  file: string,
  keys: readonly string[],
): AsyncGenerator<ArrayItem, void, undefined> {
  const scanner = new Scanner(file, new Set(keys));
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      yield* scanner.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    throw new DatasetError('DATASET_FORMAT', `Cannot read ${file}.`, { cause });
  }
  if (scanner.depth !== 0)
    throw new DatasetError('DATASET_FORMAT', `Expected the end of JSON in ${file}; it is cut off.`);
}

class Scanner {
  readonly #file: string;
  readonly #wanted: ReadonlySet<string>;
  depth = 0;
  #isInText = false;
  #isEscaped = false;
  /** Bytes of the last text in the outermost object, which may be a key. */
  #text: number[] = [];
  #key = '';
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(file: string, wanted: ReadonlySet<string>) {
    this.#file = file;
    this.#wanted = wanted;
  }

  *push(chunk: Buffer): Generator<ArrayItem, void, undefined> {
    let start = this.#isInItem ? 0 : -1;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (this.#isInText) {
        at = this.#readText(chunk, at);
      } else if (byte === QUOTE) {
        this.#isInText = true;
        this.#text = [];
      } else if (OPENING.has(byte)) {
        this.depth += 1;
        if (this.depth === 3 && this.#wanted.has(this.#key)) start = at;
      } else if (CLOSING.has(byte)) {
        this.depth -= 1;
        if (this.depth !== 2 || start === -1) continue;
        yield { key: this.#key, value: this.#parse(chunk.subarray(start, at + 1)) };
        start = -1;
      } else if (this.depth === 1) {
        if (byte === COLON) this.#key = Buffer.from(this.#text).toString();
        if (byte === COMMA) this.#key = '';
      }
    }
    if (start !== -1) this.#keep(chunk.subarray(start));
  }

  get #isInItem(): boolean {
    return this.#pieces.length > 0;
  }

  #readText(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) {
        this.#isInText = false;
        return at;
      }
      if (this.depth === 1 && this.#text.length < LONGEST_KEY_BYTES) this.#text.push(byte);
    }
    return chunk.length;
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(Buffer.from(piece));
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes <= LONGEST_ITEM_BYTES) return;
    throw new DatasetError('DATASET_FORMAT', `Expected items of at most ${LONGEST_ITEM_BYTES} bytes in ${this.#file}.`);
  }

  #parse(last: Buffer): unknown {
    const text = Buffer.concat([...this.#pieces, last]).toString();
    this.#pieces = [];
    this.#pieceBytes = 0;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new DatasetError('DATASET_FORMAT', `Expected JSON in ${this.#file}, got ${text.slice(0, 80)}.`, { cause });
    }
  }
}
