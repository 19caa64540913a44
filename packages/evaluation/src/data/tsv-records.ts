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
    let from = this.#chunkOffset === 0 && chunk.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
    if (from === 3) this.#recordOffset = 3;
    let at = from;
    while (at < chunk.length) {
      if (this.#state === 'quoted') {
        const quote = chunk.indexOf(QUOTE, at);
        at = quote === -1 ? chunk.length : quote;
        if (quote === -1) break;
        this.#pieces.push(chunk.subarray(from, at));
        this.#state = 'quote-in-quoted';
        at += 1;
        from = at;
        continue;
      }
      const byte = chunk[at]!;
      if (this.#state === 'quote-in-quoted' && byte === QUOTE) {
        // A doubled quote: the second one opens the next piece.
        this.#state = 'quoted';
        from = at;
        at += 1;
        continue;
      }
      if (this.#wasCarriageReturn && byte === LINE_FEED) {
        at += 1;
        from = at;
        this.#recordOffset = this.#chunkOffset + at;
        this.#wasCarriageReturn = false;
        continue;
      }
      this.#wasCarriageReturn = false;
      if (byte === TAB || byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        this.#pieces.push(chunk.subarray(from, at));
        this.#endCell();
        at += 1;
        from = at;
        if (byte === TAB) continue;
        this.#wasCarriageReturn = byte === CARRIAGE_RETURN;
        const record = this.#endRecord(this.#chunkOffset + at);
        if (record) yield record;
        continue;
      }
      if (this.#state === 'cell-start' && byte === QUOTE) {
        this.#state = 'quoted';
        this.#hasQuotes = true;
        from = at + 1;
      } else {
        this.#state = 'plain';
      }
      at += 1;
    }
    if (from < chunk.length) this.#pieces.push(Buffer.from(chunk.subarray(from)));
    this.#chunkOffset += chunk.length;
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
