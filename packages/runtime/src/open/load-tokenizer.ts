import { Llama3Tokenizer } from '@pocketlens/tokenizer';
import type { TokenizerConfig, TokenizerLoadOptions } from '@pocketlens/tokenizer';
import type { ChatTokenizer } from '../chat/engine.js';
import type { TokenDecoder } from '../generation/text-stream.js';
import { isObject, readJson } from './model-files.js';
import type { JsonObject, ModelFiles } from './model-files.js';

/** Tokens that end an answer besides those of the settings. */
const END_TOKENS = ['<|end_of_text|>', '<|eot_id|>'] as const;

/** A tokenizer for conversations, and the ids that end an answer. */
export interface LoadedTokenizer {
  readonly tokenizer: ChatTokenizer;
  readonly endIds: readonly number[];
}

/**
 * Loads `tokenizer.json`, or `tokenizer.model` with `tokenizer_config.json`; undefined when there is neither.
 *
 * @throws {TokenizerError} `TOKENIZER_FORMAT`
 */
export async function loadTokenizer(files: ModelFiles): Promise<LoadedTokenizer | undefined> {
  const vocabulary = (await files.read('tokenizer.json')) ?? (await files.read('tokenizer.model'));
  if (vocabulary === undefined) return undefined;
  const config = await readJson(files, 'tokenizer_config.json');
  const options: TokenizerLoadOptions = isTokenizerConfig(config) ? { specialTokens: config } : {};
  const llama3 = await Llama3Tokenizer.load(vocabulary, options);
  return {
    tokenizer: {
      // Text stays text, whatever it spells: only `controlId` gives control tokens.
      encode: (text) => llama3.encode(text, { special: 'text' }),
      controlId: (token) => llama3.idOf(token),
      // Boxes and references are tokens of their own, and part of an answer.
      stream: () => answerDecoder(llama3),
      text: (id) => (id < llama3.vocabSize ? llama3.decode([id], { skipSpecial: false }) : ''),
    },
    endIds: END_TOKENS.flatMap((token) => llama3.specialTokens.get(token) ?? []),
  };
}

/** A decoder for one answer. Ids past the vocabulary pad the model's matrices and mean nothing. */
function answerDecoder(llama3: Llama3Tokenizer): TokenDecoder {
  const stream = llama3.stream({ skipSpecial: false });
  return { push: (id) => (id < llama3.vocabSize ? stream.push(id) : ''), end: () => stream.end() };
}

/** Whether the file names special tokens; the tokenizer checks every field that it uses. */
function isTokenizerConfig(config: JsonObject | undefined): config is JsonObject & TokenizerConfig {
  return config !== undefined && isObject(config['added_tokens_decoder']);
}
