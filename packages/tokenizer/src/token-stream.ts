import type { TokenTable } from './token-table.js';

/**
 * Decodes ids one at a time. A character whose bytes are spread over tokens comes out with the token that completes it.
 */
export class TokenStream {
  private readonly table: TokenTable;
  private readonly skips: (id: number) => boolean;
  /** A leading byte order mark is part of the text. */
  private readonly decoder: InstanceType<typeof TextDecoder> = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(table: TokenTable, skips: (id: number) => boolean) {
    this.table = table;
    this.skips = skips;
  }

  /**
   * The text that is certain after this token; often empty.
   *
   * @throws {TokenizerError} `TOKEN_ID_RANGE` for an id without a token
   */
  push(id: number): string {
    const bytes = this.table.bytesOf(id);
    return this.skips(id) ? '' : this.decoder.decode(bytes, { stream: true });
  }

  /** The rest: U+FFFD when the tokens end inside a character. The stream can be used again. */
  end(): string {
    return this.decoder.decode();
  }
}
