import { TokenizerError } from './errors.js';
import type { SpecialToken } from './special-tokens.js';
import { MAX_VOCAB_SIZE } from './vocabulary.js';

/** The parts of a Hugging Face `tokenizer_config.json` that matter here. */
export interface TokenizerConfig {
  readonly added_tokens_decoder?: Readonly<Record<string, AddedToken>>;
  readonly bos_token?: TokenName;
  readonly eos_token?: TokenName;
  readonly pad_token?: TokenName;
}

/** A token by its content, written plainly or as an object. */
export type TokenName = string | { readonly content: string } | null | undefined;

/** An entry of `added_tokens_decoder`, and, with its id, of `added_tokens` in a `tokenizer.json`. */
export interface AddedToken {
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

/** Special tokens as names with ids, or as a parsed `tokenizer_config.json`. */
export type SpecialTokenSource = ReadonlyMap<string, number> | Readonly<Record<string, number>> | TokenizerConfig;

/** Special tokens and the roles that some of them have. */
export interface SpecialTokenSet {
  readonly tokens: readonly SpecialToken[];
  readonly bos?: string;
  readonly eos?: string;
  readonly pad?: string;
}

/** Reads special tokens in any of their forms. */
export function readSpecialTokens(source: SpecialTokenSource): SpecialTokenSet {
  if (isTokenizerConfig(source)) return readTokenizerConfig(source);
  const entries = source instanceof Map ? [...source] : Object.entries(source);
  return { tokens: entries.map(([content, id]) => readAddedToken(id, { content, special: true })) };
}

/** A map of names has nothing but ids in it, and a configuration always has something else. */
function isTokenizerConfig(source: SpecialTokenSource): source is TokenizerConfig {
  if (source instanceof Map) return false;
  const values: unknown[] = Object.values(source);
  return values.some((value) => typeof value !== 'number');
}

function readTokenizerConfig(config: TokenizerConfig): SpecialTokenSet {
  const tokens = Object.entries(config.added_tokens_decoder ?? {}).map(([id, token]) =>
    readAddedToken(Number(id), token),
  );
  const bos = contentOf(config.bos_token);
  const eos = contentOf(config.eos_token);
  const pad = contentOf(config.pad_token);
  return {
    tokens,
    ...(bos === undefined ? {} : { bos }),
    ...(eos === undefined ? {} : { eos }),
    ...(pad === undefined ? {} : { pad }),
  };
}

function contentOf(name: TokenName): string | undefined {
  return typeof name === 'string' ? name : name?.content;
}

/** @throws {TokenizerError} `TOKENIZER_FORMAT` when the token has no content, no id, or strips its surroundings */
export function readAddedToken(id: unknown, token: AddedToken): SpecialToken {
  const { content } = token;
  if (typeof content !== 'string' || content === '') {
    throw formatError(`content that is not empty, got ${JSON.stringify(content)} for id ${String(id)}`);
  }
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MAX_VOCAB_SIZE) {
    throw formatError(`an id below ${MAX_VOCAB_SIZE}, got ${String(id)} for ${JSON.stringify(content)}`);
  }
  if (token.lstrip === true || token.rstrip === true || token.single_word === true) {
    throw formatError(
      `lstrip, rstrip and single_word false, as Llama 3 has them, but ${JSON.stringify(content)} has not`,
    );
  }
  return { id, content, isControl: token.special !== false };
}

function formatError(expected: string): TokenizerError {
  return new TokenizerError('TOKENIZER_FORMAT', `expected a special token with ${expected}`, {
    hint: 'Check added_tokens or added_tokens_decoder of the tokenizer files.',
  });
}
