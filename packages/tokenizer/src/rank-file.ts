import { TokenizerError } from './errors.js';
import { MAX_VOCAB_SIZE, type TokenBytes } from './vocabulary.js';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const PADDING = 0x3d;
const INVALID = 255;

const BASE64_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function buildBase64Values(): Uint8Array {
  const values = new Uint8Array(256).fill(INVALID);
  for (let i = 0; i < BASE64_ALPHABET.length; i++) values[BASE64_ALPHABET.charCodeAt(i)] = i;
  return values;
}

/** Token bytes in the order of the lines of a rank file, and the rank of each line. */
interface RankedLines {
  readonly bytes: Uint8Array;
  readonly starts: number[];
  readonly ranks: number[];
}

/**
 * Reads a rank file of tiktoken (`tokenizer.model` of Llama 3): lines of base64 bytes, a space, and the rank.
 *
 * @throws {TokenizerError} `TOKENIZER_FORMAT` naming the first line that is not of this form
 */
export function readRankFile(file: Uint8Array): TokenBytes {
  const lines = readLines(file);
  const size = lines.ranks.reduce((most, rank) => Math.max(most, rank + 1), 0);
  const lineOfRank = new Int32Array(size).fill(-1);
  for (const [line, rank] of lines.ranks.entries()) {
    if (lineOfRank[rank] !== -1) throw formatError(`each rank once, but rank ${rank} occurs twice`);
    lineOfRank[rank] = line;
  }
  const bytes = new Uint8Array(lines.bytes.length);
  const starts = new Uint32Array(size + 1);
  for (let rank = 0; rank < size; rank++) {
    const line = lineOfRank[rank]!;
    const token = line < 0 ? new Uint8Array() : lines.bytes.subarray(lines.starts[line], lines.starts[line + 1]);
    bytes.set(token, starts[rank]);
    starts[rank + 1] = starts[rank]! + token.length;
  }
  return { bytes, starts };
}

function readLines(file: Uint8Array): RankedLines {
  const values = buildBase64Values();
  const bytes = new Uint8Array(file.length);
  const starts = [0];
  const ranks: number[] = [];
  let length = 0;
  let position = 0;
  for (let line = 1; position < file.length; line++) {
    const end = lineEnd(file, position);
    if (end > position) {
      const space = file.indexOf(SPACE, position);
      const token =
        space < 0 || space >= end ? -1 : decodeBase64(file, position, space, values, bytes.subarray(length));
      const rank = readNumber(file, space + 1, end);
      if (token <= 0 || rank < 0) throw lineError(line);
      length += token;
      starts.push(length);
      ranks.push(rank);
    }
    position = file[end] === CARRIAGE_RETURN ? end + 2 : end + 1;
  }
  return { bytes: bytes.subarray(0, length), starts, ranks };
}

function lineEnd(file: Uint8Array, start: number): number {
  const found = file.indexOf(LINE_FEED, start);
  const end = found < 0 ? file.length : found;
  return end > start && file[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
}

/** Decodes `file[start, end)` into `target`; returns the number of bytes, or -1 when it is no base64. */
function decodeBase64(file: Uint8Array, start: number, end: number, values: Uint8Array, target: Uint8Array): number {
  let stop = end;
  while (stop > start && file[stop - 1] === PADDING) stop--;
  let bits = 0;
  let value = 0;
  let length = 0;
  for (let i = start; i < stop; i++) {
    const six = values[file[i]!]!;
    if (six === INVALID) return -1;
    value = ((value << 6) | six) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      target[length++] = (value >> bits) & 255;
    }
  }
  return length;
}

/** A decimal number of digits only; -1 when it is none or too large for an id. */
function readNumber(file: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = file[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value >= MAX_VOCAB_SIZE) return -1;
  }
  return value;
}

function lineError(line: number): TokenizerError {
  return formatError(`lines of base64 bytes, a space and a rank, but line ${line} is something else`);
}

function formatError(expected: string): TokenizerError {
  return new TokenizerError('TOKENIZER_FORMAT', `expected a rank file with ${expected}`, {
    hint: 'Pass the contents of a tokenizer.model in tiktoken form (not SentencePiece), or of a tokenizer.json.',
  });
}
