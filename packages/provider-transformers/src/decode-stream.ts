import type { PreTrainedTokenizer } from '@huggingface/transformers';
import type { TokenDecoder } from '@pocketlens/runtime/provider';

const REPLACEMENT = '\uFFFD';

/**
 * Decodes ids one by one. What an id means depends on those before it, so that a few are decoded again each time.
 *
 * @source text-generation-inference, `decode_token`
 */
export class DecodeStream implements TokenDecoder {
  readonly #tokenizer: PreTrainedTokenizer;
  readonly #ids: number[] = [];
  #from = 0;
  #given = 0;

  constructor(tokenizer: PreTrainedTokenizer) {
    this.#tokenizer = tokenizer;
  }

  push(id: number): string {
    this.#ids.push(id);
    const text = this.#rest();
    // A part of a character: the next id may complete it.
    return text.endsWith(REPLACEMENT) ? '' : this.#give(text);
  }

  end(): string {
    return this.#give(this.#rest());
  }

  #rest(): string {
    const before = this.#decode(this.#ids.slice(this.#from, this.#given));
    return this.#decode(this.#ids.slice(this.#from)).slice(before.length);
  }

  #give(text: string): string {
    if (text === '') return '';
    this.#from = this.#given;
    this.#given = this.#ids.length;
    return text;
  }

  #decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    return this.#tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }
}
