import { TokenizerError } from './errors.js';

/** No token: what look-ups answer when nothing matches. */
export const NO_TOKEN = -1;
/** Ids stay below this so that a merge rank and a position fit one double. */
export const MAX_VOCAB_SIZE: number = 2 ** 21;

const HASH_MULTIPLIER = 0x01000193;
const SPREAD_MULTIPLIER = 0x9e3779b1;
const ID_BITS = 22;
const ID_MASK: number = 2 ** ID_BITS - 1;

/** Byte strings by id: token `id` is `bytes[starts[id], starts[id + 1])`; an empty one is an id without a token. */
export interface TokenBytes {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
}

/** Lays byte strings out in id order. */
export function packTokenBytes(tokens: readonly (Uint8Array | undefined)[]): TokenBytes {
  const starts = new Uint32Array(tokens.length + 1);
  for (let id = 0; id < tokens.length; id++) starts[id + 1] = starts[id]! + (tokens[id]?.length ?? 0);
  const bytes = new Uint8Array(starts[tokens.length]!);
  for (let id = 0; id < tokens.length; id++) {
    const token = tokens[id];
    if (token !== undefined) bytes.set(token, starts[id]);
  }
  return { bytes, starts };
}

/** Polynomial hash of `bytes[0, length)`; of a concatenation it follows from the hashes of the parts. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, HASH_MULTIPLIER) + bytes[i]! + 1) | 0;
  return hash;
}

/**
 * A set of byte strings with ids, found by their bytes or by the two tokens that they join.
 *
 * @throws {TokenizerError} `TOKENIZER_FORMAT` when a token occurs twice or one of the 256 single bytes is missing
 */
export class Vocabulary implements TokenBytes {
  /** Ids are 0 to `size - 1`. */
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly maxTokenLength: number;
  /** The id of every single byte. */
  readonly byteIds: Int32Array;
  private readonly hashes: Int32Array;
  private readonly powers: Int32Array;
  /** Open-addressed table of id + 1, under ten bits of the hash: most ids that are not it need no further look. */
  private readonly slots: Int32Array;
  private readonly shift: number;

  constructor({ bytes, starts }: TokenBytes) {
    this.size = starts.length - 1;
    if (this.size > MAX_VOCAB_SIZE) throw formatError(`at most ${MAX_VOCAB_SIZE} tokens, got ${this.size}`);
    this.bytes = bytes;
    this.starts = starts;
    this.hashes = new Int32Array(this.size);
    const bits = Math.max(4, 33 - Math.clz32(this.size));
    this.slots = new Int32Array(2 ** bits);
    this.shift = 32 - bits;
    this.maxTokenLength = this.insertAll();
    this.powers = new Int32Array(this.maxTokenLength + 1);
    this.powers[0] = 1;
    for (let i = 1; i < this.powers.length; i++) this.powers[i] = Math.imul(this.powers[i - 1]!, HASH_MULTIPLIER);
    this.byteIds = this.findByteIds();
  }

  /** The id of `bytes[0, length)`, or `NO_TOKEN`. */
  find(bytes: Uint8Array, length: number): number {
    if (length > this.maxTokenLength) return NO_TOKEN;
    const hash = hashBytes(bytes, 0, length);
    const spread = Math.imul(hash, SPREAD_MULTIPLIER);
    const { slots } = this;
    for (let slot = spread >>> this.shift; ; slot = (slot + 1) & (slots.length - 1)) {
      const entry = slots[slot]!;
      if (entry === 0) return NO_TOKEN;
      if (!hasTag(entry, spread)) continue;
      const id = (entry & ID_MASK) - 1;
      if (this.hashes[id] === hash && this.holds(id, bytes, 0, length)) return id;
    }
  }

  /** The id of the token that joins two tokens, or `NO_TOKEN`. */
  findPair(left: number, right: number): number {
    const { starts, bytes } = this;
    const leftStart = starts[left]!;
    const leftLength = starts[left + 1]! - leftStart;
    const rightStart = starts[right]!;
    const rightLength = starts[right + 1]! - rightStart;
    const length = leftLength + rightLength;
    if (length > this.maxTokenLength) return NO_TOKEN;
    const hash = (Math.imul(this.hashes[left]!, this.powers[rightLength]!) + this.hashes[right]!) | 0;
    const spread = Math.imul(hash, SPREAD_MULTIPLIER);
    const { slots } = this;
    for (let slot = spread >>> this.shift; ; slot = (slot + 1) & (slots.length - 1)) {
      const entry = slots[slot]!;
      if (entry === 0) return NO_TOKEN;
      if (!hasTag(entry, spread)) continue;
      const id = (entry & ID_MASK) - 1;
      if (this.hashes[id] !== hash || starts[id + 1]! - starts[id]! !== length) continue;
      if (
        isEqual(bytes, starts[id]!, leftStart, leftLength) &&
        isEqual(bytes, starts[id]! + leftLength, rightStart, rightLength)
      )
        return id;
    }
  }

  private holds(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    const offset = this.starts[id]!;
    if (this.starts[id + 1]! - offset !== length) return false;
    for (let i = 0; i < length; i++) if (this.bytes[offset + i] !== bytes[start + i]) return false;
    return true;
  }

  /** Fills the table and returns the length of the longest token. */
  private insertAll(): number {
    const { bytes, starts, hashes, slots } = this;
    const mask = slots.length - 1;
    let longest = 0;
    for (let id = 0; id < this.size; id++) {
      const start = starts[id]!;
      const length = starts[id + 1]! - start;
      if (length === 0) continue;
      if (length > longest) longest = length;
      const hash = hashBytes(bytes, start, start + length);
      hashes[id] = hash;
      const spread = Math.imul(hash, SPREAD_MULTIPLIER);
      let slot = spread >>> this.shift;
      while (slots[slot] !== 0) {
        const other = (slots[slot]! & ID_MASK) - 1;
        if (hashes[other] === hash && this.holds(other, bytes, start, length)) {
          throw formatError(`every token once, but ids ${other} and ${id} are the same bytes`);
        }
        slot = (slot + 1) & mask;
      }
      slots[slot] = (spread << ID_BITS) | (id + 1);
    }
    return longest;
  }

  private findByteIds(): Int32Array {
    const ids = new Int32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      const id = this.find(Uint8Array.of(byte), 1);
      if (id === NO_TOKEN) throw formatError(`a token for each of the 256 bytes, but byte ${byte} has none`);
      ids[byte] = id;
    }
    return ids;
  }
}

/** Whether the lower bits of a spread hash are those of an entry. */
function hasTag(entry: number, spread: number): boolean {
  return ((spread << ID_BITS) ^ entry) >>> ID_BITS === 0;
}

function isEqual(bytes: Uint8Array, first: number, second: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[first + i] !== bytes[second + i]) return false;
  return true;
}

function formatError(expected: string): TokenizerError {
  return new TokenizerError('TOKENIZER_FORMAT', `a byte-level vocabulary has ${expected}`, {
    hint: 'Check that the file is complete and belongs to a byte-level BPE tokenizer.',
  });
}
