import { utf8Bytes } from './byte-characters.js';
import { TokenizerError } from './errors.js';
import type { SpecialToken } from './special-tokens.js';
import { type TokenBytes, packTokenBytes } from './vocabulary.js';

/** The bytes of every token, ordinary and special. */
export class TokenTable {
  /** One more than the highest id. */
  readonly size: number;
  private readonly bytes: Uint8Array;
  private readonly starts: Uint32Array;

  /** @throws {TokenizerError} `TOKENIZER_FORMAT` when a special token has the id of an ordinary token with other bytes */
  constructor(base: TokenBytes, specialTokens: readonly SpecialToken[]) {
    const baseSize = base.starts.length - 1;
    const added: (Uint8Array | undefined)[] = [];
    for (const { id, content } of specialTokens) {
      if (id >= baseSize) added[id - baseSize] = utf8Bytes(content);
      else checkSameBytes(base, id, content);
    }
    const { bytes, starts } = packTokenBytes(Array.from(added));
    this.size = baseSize + added.length;
    this.bytes = new Uint8Array(base.bytes.length + bytes.length);
    this.bytes.set(base.bytes);
    this.bytes.set(bytes, base.bytes.length);
    this.starts = new Uint32Array(this.size + 1);
    this.starts.set(base.starts);
    for (let i = 0; i < starts.length; i++) this.starts[baseSize + i] = base.bytes.length + starts[i]!;
  }

  /**
   * Number of UTF-8 bytes of a token.
   *
   * @throws {TokenizerError} `TOKEN_ID_RANGE` for an id without a token
   */
  byteLength(id: number): number {
    const length = id >>> 0 === id && id < this.size ? this.starts[id + 1]! - this.starts[id]! : 0;
    if (length > 0) return length;
    throw new TokenizerError('TOKEN_ID_RANGE', `expected the id of a token, 0 to ${this.size - 1}, got ${String(id)}`, {
      hint: 'Check that the ids come from a model with the same vocabulary.',
      details: { id },
    });
  }

  /** The bytes of a token, a view. */
  bytesOf(id: number): Uint8Array {
    const length = this.byteLength(id);
    return this.bytes.subarray(this.starts[id], this.starts[id]! + length);
  }

  /** The bytes of many tokens, one after another; `keeps` says which ids take part. */
  join(ids: ArrayLike<number>, keeps: (id: number) => boolean): Uint8Array {
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const bytes = this.byteLength(ids[i]!);
      if (keeps(ids[i]!)) length += bytes;
    }
    const { bytes, starts } = this;
    const joined = new Uint8Array(length);
    let to = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (!keeps(id)) continue;
      // Tokens are a few bytes long: copying them here is faster than a call for each.
      for (let from = starts[id]!; from < starts[id + 1]!; from++) joined[to++] = bytes[from]!;
    }
    return joined;
  }
}

function checkSameBytes(base: TokenBytes, id: number, content: string): void {
  const expected = base.bytes.subarray(base.starts[id], base.starts[id + 1]);
  const bytes = utf8Bytes(content);
  if (bytes.length === expected.length && bytes.every((byte, i) => byte === expected[i])) return;
  throw new TokenizerError(
    'TOKENIZER_FORMAT',
    `expected special tokens behind the vocabulary, got ${JSON.stringify(content)} with id ${id}, which is another token`,
    { hint: `Special tokens of this vocabulary start at ${base.starts.length - 1}.` },
  );
}
