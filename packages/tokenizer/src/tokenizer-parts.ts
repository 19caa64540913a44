import { BytePairEncoder } from './byte-pair-encoder.js';
import { IdList } from './id-list.js';
import { BEGIN_OF_TEXT, END_OF_TEXT } from './llama3-special-tokens.js';
import { ListedMerges, RankMerges } from './merge-rules.js';
import { OrdinaryTextEncoder } from './ordinary-text-encoder.js';
import { type SpecialToken, SpecialTokens } from './special-tokens.js';
import { TokenTable } from './token-table.js';
import { type SpecialTokenSet, type SpecialTokenSource, readSpecialTokens } from './tokenizer-config.js';
import type { TokenizerDefinition } from './tokenizer-definition.js';
import { Vocabulary } from './vocabulary.js';

/** How to read a vocabulary. */
export interface TokenizerLoadOptions {
  /**
   * Special tokens that are added to those of the source; one with an id that is taken renames it. A map of names to
   * ids, or a parsed `tokenizer_config.json`, which also names the bos, eos and pad tokens.
   */
  readonly specialTokens?: SpecialTokenSource;
  /**
   * Whether a piece of text that is itself a token is taken whole (tiktoken, Llama 3), or merged pair by pair
   * (MiniCPM-Llama3-V 2.5). Default: what a `tokenizer.json` says, else true. 588 tokens of Llama 3 differ.
   */
  readonly ignoreMerges?: boolean;
  /**
   * Whether the pad token, `!` in MiniCPM-Llama3-V 2.5, counts as a special token although ordinary text makes it too.
   * Then `special: 'allow'` cuts text at every `!`, as the published model code does. Default false.
   */
  readonly padIsSpecial?: boolean;
}

/** Everything that a tokenizer works with. */
export interface TokenizerParts {
  readonly encoder: OrdinaryTextEncoder;
  readonly table: TokenTable;
  readonly specials: SpecialTokens;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
}

const DEFAULT_PAD = '!';

/** Builds the parts of a tokenizer from what its files say and what the caller asks for. */
export function buildParts(definition: TokenizerDefinition, options: TokenizerLoadOptions): TokenizerParts {
  const vocabulary = new Vocabulary(definition.tokens);
  const merges =
    definition.mergeList === undefined ? new RankMerges(vocabulary) : new ListedMerges(definition.mergeList);
  const ignoresMerges = options.ignoreMerges ?? definition.ignoresMerges;
  const encoder = new OrdinaryTextEncoder(new BytePairEncoder(vocabulary, merges, ignoresMerges), vocabulary);
  const added: SpecialTokenSet =
    options.specialTokens === undefined ? { tokens: [] } : readSpecialTokens(options.specialTokens);

  const ordinaryId = (content: string): number | undefined => {
    const ids = new IdList();
    encoder.encode(content, 0, content.length, ids);
    return ids.length === 1 ? ids.at(0) : undefined;
  };
  const isOrdinary = ({ id, content }: SpecialToken): boolean => id < vocabulary.size && ordinaryId(content) === id;
  const listed = mergeSpecialTokens(definition.specialTokens, added.tokens);
  const tokens =
    options.padIsSpecial === true
      ? withPadToken(listed, added.pad ?? DEFAULT_PAD, ordinaryId)
      : listed.filter((token) => !isOrdinary(token));

  const specials = new SpecialTokens(tokens, isOrdinary);
  return {
    encoder,
    specials,
    table: new TokenTable(vocabulary, tokens),
    bosId: specials.byName.get(added.bos ?? BEGIN_OF_TEXT),
    eosId: specials.byName.get(added.eos ?? END_OF_TEXT),
  };
}

/** Later tokens replace earlier ones of the same id or of the same content. */
function mergeSpecialTokens(base: readonly SpecialToken[], added: readonly SpecialToken[]): SpecialToken[] {
  const ids = new Set(added.map(({ id }) => id));
  const contents = new Set(added.map(({ content }) => content));
  return [...base.filter(({ id, content }) => !ids.has(id) && !contents.has(content)), ...added];
}

function withPadToken(
  tokens: readonly SpecialToken[],
  content: string,
  ordinaryId: (content: string) => number | undefined,
): readonly SpecialToken[] {
  if (tokens.some((token) => token.content === content)) return tokens;
  const id = ordinaryId(content);
  return id === undefined ? tokens : [...tokens, { id, content, isControl: true }];
}
