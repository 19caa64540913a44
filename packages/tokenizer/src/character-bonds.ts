import { codePointAt } from './utf8.js';
import type { TokenBytes } from './vocabulary.js';

/** Characters from here on take three or four bytes: nearly all that are written without spaces. */
const FIRST_WIDE = 0x800;
const BITS = 18;
/** A character of which a token has only a part. */
const PARTIAL = -1;

/**
 * Knows between which neighbouring characters a token can reach. Where none can, nothing merges, so both sides are
 * encoded on their own. Most neighbours in Chinese are such, and nearly all emoji.
 *
 * The answer may be "yes" by mistake, which costs time only: pairs of characters are bits of a table by their hash, and
 * tokens that begin or end within a character count for all characters with the same byte there. Between characters
 * below U+0800 it is always "yes".
 */
export class CharacterBonds {
  /** One bit for each hash of two characters that stand together in a token. */
  private readonly pairs: Int32Array = new Int32Array(2 ** (BITS - 5));
  /** By the six lower bits of a byte and the whole next one: where a token reaches into a character but not through it. */
  private readonly partial: Uint8Array = new Uint8Array(64 * 256);

  private readonly tokens: TokenBytes;
  private isReady = false;

  constructor(tokens: TokenBytes) {
    this.tokens = tokens;
  }

  /** The first place after `start` that no token can reach across, or `end`. UTF-16 units. */
  partEnd(text: string, start: number, end: number): number {
    let left = codePointAt(text, start, end);
    let index = start + unitsOf(left);
    while (index < end) {
      const right = codePointAt(text, index, end);
      if (left >= FIRST_WIDE && right >= FIRST_WIDE && !this.mayJoin(left, right)) return index;
      left = right;
      index += unitsOf(right);
    }
    return end;
  }

  private mayJoin(left: number, right: number): boolean {
    // Not before it is needed: reading all tokens takes some milliseconds.
    if (!this.isReady) this.addTokens();
    const hash = pairHash(left, right);
    if ((this.pairs[hash >> 5]! & (1 << (hash & 31))) !== 0) return true;
    const lead = right < 0x10000 ? 0xe0 | (right >> 12) : 0xf0 | (right >> 18);
    return this.partial[((left & 63) << 8) | lead] === 1;
  }

  private addTokens(): void {
    const { bytes, starts } = this.tokens;
    for (let id = 0; id + 1 < starts.length; id++) this.addToken(bytes, starts[id]!, starts[id + 1]!);
    this.isReady = true;
  }

  private addToken(bytes: Uint8Array, start: number, end: number): void {
    let left = PARTIAL;
    for (let at = start; at < end;) {
      const size = sequenceLength(bytes[at]!);
      const right = size > 0 && at + size <= end ? decode(bytes, at, size) : PARTIAL;
      if (at > start) this.addPair(left, right, bytes[at - 1]!, bytes[at]!);
      left = right;
      at += size || 1;
    }
  }

  private addPair(left: number, right: number, before: number, after: number): void {
    if (left === PARTIAL || right === PARTIAL) {
      if (before >= 0x80) this.partial[((before & 63) << 8) | after] = 1;
    } else if (left >= FIRST_WIDE && right >= FIRST_WIDE) {
      const hash = pairHash(left, right);
      this.pairs[hash >> 5]! |= 1 << (hash & 31);
    }
  }
}

function unitsOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}

function pairHash(left: number, right: number): number {
  return Math.imul(Math.imul(left, 0x85ebca6b) ^ right, 0x9e3779b1) >>> (32 - BITS);
}

/** Bytes of the character that starts with this byte; 0 when none does. */
function sequenceLength(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte < 0xc0) return 0;
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

function decode(bytes: Uint8Array, start: number, size: number): number {
  if (size === 1) return bytes[start]!;
  let code = bytes[start]! & (0x7f >> size);
  for (let i = start + 1; i < start + size; i++) code = (code << 6) | (bytes[i]! & 63);
  return code;
}
