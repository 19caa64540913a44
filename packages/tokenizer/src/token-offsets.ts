import type { TokenTable } from './token-table.js';

/** Where a token stands in the text. */
export interface TokenOffset {
  readonly id: number;
  /** UTF-16 index of the first character that the token has bytes of. */
  readonly start: number;
  /** UTF-16 index behind the last character that the token has bytes of. */
  readonly end: number;
  /** First byte of the token in the UTF-8 form of the text. */
  readonly byteStart: number;
  /** Byte behind the last one. */
  readonly byteEnd: number;
}

/** Walks over the characters of a text and counts UTF-16 units and UTF-8 bytes. */
export class CharacterCursor {
  private readonly text: string;
  /** UTF-16 index of the character. */
  start = 0;
  /** UTF-16 index behind the character. */
  end = 0;
  /** UTF-8 index behind the character. */
  byteEnd = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Moves to the next character. A lone surrogate is one character of three bytes. */
  advance(): void {
    const { text } = this;
    this.start = this.end;
    const code = text.codePointAt(this.end) ?? 0;
    this.end += code > 0xffff ? 2 : 1;
    this.byteEnd += code < 0x80 ? 1 : code < 0x800 ? 2 : code > 0xffff ? 4 : 3;
  }
}

/** Offsets of the tokens that a text was encoded to. */
export function locateTokens(text: string, ids: readonly number[], table: TokenTable): TokenOffset[] {
  const cursor = new CharacterCursor(text);
  let byteEnd = 0;
  return ids.map((id) => {
    const byteStart = byteEnd;
    byteEnd += table.byteLength(id);
    while (cursor.byteEnd <= byteStart) cursor.advance();
    const { start } = cursor;
    while (cursor.byteEnd < byteEnd) cursor.advance();
    return { id, start, end: cursor.end, byteStart, byteEnd };
  });
}

/** Length in UTF-16 units of the longest prefix of whole characters within `bytes` bytes of UTF-8. */
export function unitsWithin(text: string, bytes: number): number {
  const cursor = new CharacterCursor(text);
  while (cursor.byteEnd < bytes) cursor.advance();
  return cursor.byteEnd === bytes ? cursor.end : cursor.start;
}
