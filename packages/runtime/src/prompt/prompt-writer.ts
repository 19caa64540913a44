/** Control tokens that a prompt may hold. Only the program writes them; text never becomes one. */
export type ControlToken =
  | '<|begin_of_text|>'
  | '<|start_header_id|>'
  | '<|end_header_id|>'
  | '<|eot_id|>'
  | '<image>'
  | '</image>'
  | '<slice>'
  | '</slice>'
  | '<image_id>'
  | '</image_id>';

/** What prompt assembly needs of a tokenizer. */
export interface PromptTokenizer {
  /** Ids of plain text: control tokens spelled out in it stay text. */
  encode(text: string): ArrayLike<number>;
  /** The id of a control token. */
  controlId(token: ControlToken): number;
}

/** A run of token ids, or the place of a slice's image embeddings. */
export type PromptPart =
  | { readonly type: 'ids'; readonly ids: readonly number[] }
  | { readonly type: 'slice'; readonly index: number };

/** A prompt in the order of the model. */
export interface Prompt {
  readonly parts: readonly PromptPart[];
  readonly sliceCount: number;
  /** Token ids outside of images. */
  readonly textTokens: number;
}

/**
 * Collects a prompt. Neighbouring texts are encoded as one, as they would be in a rendered template; control
 * tokens and slices cut them.
 */
export class PromptWriter {
  readonly #tokenizer: PromptTokenizer;
  readonly #parts: PromptPart[] = [];
  #ids: number[] = [];
  #text = '';
  #sliceCount = 0;
  #textTokens = 0;

  constructor(tokenizer: PromptTokenizer) {
    this.#tokenizer = tokenizer;
  }

  text(text: string): this {
    this.#text += text;
    return this;
  }

  control(token: ControlToken): this {
    this.#flushText();
    this.#ids.push(this.#tokenizer.controlId(token));
    return this;
  }

  /** Marks the place of the next slice's embeddings. */
  slice(): this {
    this.#flushIds();
    this.#parts.push({ type: 'slice', index: this.#sliceCount++ });
    return this;
  }

  finish(): Prompt {
    this.#flushIds();
    return { parts: this.#parts, sliceCount: this.#sliceCount, textTokens: this.#textTokens };
  }

  #flushText(): void {
    if (this.#text === '') return;
    const encoded = this.#tokenizer.encode(this.#text);
    for (let i = 0; i < encoded.length; i++) this.#ids.push(encoded[i]!);
    this.#text = '';
  }

  #flushIds(): void {
    this.#flushText();
    if (this.#ids.length === 0) return;
    this.#parts.push({ type: 'ids', ids: this.#ids });
    this.#textTokens += this.#ids.length;
    this.#ids = [];
  }
}
