import { open } from 'node:fs/promises';

const CHUNK_BYTES = 1 << 20;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Lines of a file that were read together. */
export interface LineBatch {
  /** Number of the first line, from 1. */
  readonly first: number;
  readonly lines: readonly string[];
  /** False for a last line that has no line end. */
  readonly isEnded: boolean;
}

/**
 * Reads a text file in UTF-8 a megabyte at a time. Lines are cut at line feeds only: a JSON text may hold U+2028, at which
 * `node:readline` would cut.
 */
export async function* readLineBatches(file: string): AsyncGenerator<LineBatch, void, undefined> {
  const handle = await open(file, 'r');
  try {
    let pieces: Buffer[] = [];
    let first = 1;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      const end = bytes.lastIndexOf(LINE_FEED);
      if (end === -1) {
        pieces.push(bytes);
        continue;
      }
      const lines = cut(Buffer.concat([...pieces, bytes.subarray(0, end)]));
      yield { first, lines, isEnded: true };
      first += lines.length;
      pieces = [bytes.subarray(end + 1)];
    }
    const rest = Buffer.concat(pieces);
    if (rest.length > 0) yield { first, lines: cut(rest), isEnded: false };
  } finally {
    await handle.close();
  }
}

function cut(bytes: Buffer): string[] {
  const lines = bytes.toString().split('\n');
  if (!bytes.includes(CARRIAGE_RETURN)) return lines;
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}
