import { loadLlama3Vocabulary } from './llama3-vocabulary.js';
import { type TokenizerSource, rankDefinition, readDefinition } from './read-definition.js';
import { Tokenizer } from './tokenizer.js';
import { type TokenizerLoadOptions, buildParts } from './tokenizer-parts.js';

/** Byte-level BPE tokenizer of Llama 3 and of models with its split: text to ids and back. */
export class Llama3Tokenizer extends Tokenizer {
  /**
   * Loads a tokenizer; without a source, the shipped Llama 3 vocabulary.
   *
   * Bundlers carry that vocabulary, in a chunk of its own, wherever this class is used. `Tokenizer.load` does without.
   *
   * @param source - contents of a `tokenizer.json` or `tokenizer.model`, as bytes, text or parsed object
   * @throws {TokenizerError} `TOKENIZER_FORMAT` when the source is damaged or of another kind of tokenizer
   */
  static override async load(source?: TokenizerSource, options: TokenizerLoadOptions = {}): Promise<Llama3Tokenizer> {
    const definition = source === undefined ? rankDefinition(await loadLlama3Vocabulary()) : readDefinition(source);
    return new Llama3Tokenizer(buildParts(definition, options));
  }
}
