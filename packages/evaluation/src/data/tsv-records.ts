import { open } from 'node:fs/promises';

import { DatasetError } from '../errors.js';

/** One record of a tab-separated file. */
export interface TsvRecord {
  /** The cells as bytes of UTF-8, quotes already resolved. */
  readonly cells: readonly Buffer[];
  /** Where the record starts in the file, in bytes. */
  readonly offset: number;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const DELIMITERS = [TAB, LINE_FEED, CARRIAGE_RETURN];
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const CHUNK_BYTES = 1 << 20;

/**
 * Reads a tab-separated file record by record, however large it is: quoting as in CSV, so a quoted cell may hold tabs
 * and line ends; a quote inside an unquoted cell is an ordinary character; empty lines are skipped.
 *
 * @param file - path of the file
 * @param start - byte offset of the record to begin with
 * @throws {DatasetError} `DATASET_FORMAT` when the file cannot be read or ends inside a quoted cell
 * @source pandas, `parser/tokenizer.c`
 */
export async function* readTsvRecords(file: string, start = 0): AsyncGenerator<TsvRecord, void, undefined> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new DatasetError('DATASET_FORMAT', `Cannot open the dataset file ${file}.`, { cause });
  });
  const splitter = new RecordSplitter(start);
  try {
    let position = start;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      yield* splitter.push(chunk.subarray(0, bytesRead));
    }
    yield* splitter.end(file);
  } finally {
    await handle.close();
  }
}

type State = 'cell-start' | 'plain' | 'quoted' | 'quote-in-quoted';

// Finds the next tab or line end; each kind is searched for at most once a position, by native code.
class DelimiterFinder {
  readonly #chunk: Buffer;
  readonly #next: number[] = DELIMITERS.map(() => -1);

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  from(at: number): number {
    let nearest = this.#chunk.length;
    for (const [kind, byte] of DELIMITERS.entries()) {
      if (this.#next[kind]! < at) {
        const found = this.#chunk.indexOf(byte, at);
        this.#next[kind] = found === -1 ? this.#chunk.length : found;
      }
      nearest = Math.min(nearest, this.#next[kind]!);
    }
    return nearest;
  }
}

class RecordSplitter {
  #state: State = 'cell-start';
  #pieces: Buffer[] = [];
  #cells: Buffer[] = [];
  #recordOffset: number;
  #chunkOffset: number;
  #wasCarriageReturn = false;
  #hasQuotes = false;

  constructor(start: number) {
    this.#recordOffset = start;
    this.#chunkOffset = start;
  }

  *push(chunk: Buffer): Generator<TsvRecord, void, undefined> {
    const hasMark = this.#chunkOffset === 0 && chunk.subarray(0, 3).equals(BYTE_ORDER_MARK);
    const ends = new DelimiterFinder(chunk);
    let at = hasMark ? BYTE_ORDER_MARK.length : 0;
    if (hasMark) this.#recordOffset = at;
    while (at < chunk.length) {
      if (this.#state !== 'plain') {
        at = this.#step(chunk, at);
        continue;
      }
      const end = ends.from(at);
      this.#pieces.push(chunk.subarray(at, end));
      if (end === chunk.length) break;
      this.#endCell();
      at = end + 1;
      if (chunk[end] === TAB) continue;
      this.#wasCarriageReturn = chunk[end] === CARRIAGE_RETURN;
      const record = this.#endRecord(this.#chunkOffset + at);
      if (record) yield record;
    }
    this.#chunkOffset += chunk.length;
  }

  // One step outside of plain text; returns where to go on.
  #step(chunk: Buffer, at: number): number {
    if (this.#state === 'quoted') {
      const quote = chunk.indexOf(QUOTE, at);
      this.#pieces.push(chunk.subarray(at, quote === -1 ? chunk.length : quote));
      if (quote === -1) return chunk.length;
      this.#state = 'quote-in-quoted';
      return quote + 1;
    }
    const byte = chunk[at]!;
    if (this.#state === 'quote-in-quoted') {
      // A doubled quote stands for one; anything else ends the quotation.
      this.#state = byte === QUOTE ? 'quoted' : 'plain';
      if (byte === QUOTE) this.#pieces.push(chunk.subarray(at, at + 1));
      return byte === QUOTE ? at + 1 : at;
    }
    const isSecondOfPair = this.#wasCarriageReturn && byte === LINE_FEED;
    this.#wasCarriageReturn = false;
    if (isSecondOfPair) {
      this.#recordOffset = this.#chunkOffset + at + 1;
      return at + 1;
    }
    this.#state = byte === QUOTE ? 'quoted' : 'plain';
    if (byte === QUOTE) this.#hasQuotes = true;
    return byte === QUOTE ? at + 1 : at;
  }

  *end(file: string): Generator<TsvRecord, void, undefined> {
    if (this.#state === 'quoted') {
      throw new DatasetError(
        'DATASET_FORMAT',
        `Expected a closing quote before the end of ${file}; the file is cut off.`,
        {
          hint: 'Download the dataset again.',
          details: { offset: this.#recordOffset },
        },
      );
    }
    if (this.#pieces.length === 0 && this.#cells.length === 0) return;
    this.#endCell();
    const record = this.#endRecord(this.#chunkOffset);
    if (record) yield record;
  }

  #endCell(): void {
    this.#cells.push(this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.#state = 'cell-start';
  }

  #endRecord(nextOffset: number): TsvRecord | undefined {
    const record = { cells: this.#cells, offset: this.#recordOffset };
    const isBlank = record.cells.length === 1 && !this.#hasQuotes && record.cells[0]!.every((byte) => byte === SPACE);
    this.#cells = [];
    this.#recordOffset = nextOffset;
    this.#hasQuotes = false;
    return isBlank ? undefined : record;
  }
}
