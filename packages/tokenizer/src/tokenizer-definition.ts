import type { SpecialToken } from './special-tokens.js';
import type { TokenBytes } from './vocabulary.js';

/** What a vocabulary source says, before it is made into a tokenizer. */
export interface TokenizerDefinition {
  readonly tokens: TokenBytes;
  /** Left id, right id, merged id of each merge in rank order; absent when the id of a token is its rank. */
  readonly mergeList?: Int32Array;
  /** Whether a piece that is a token is taken whole. */
  readonly ignoresMerges: boolean;
  readonly specialTokens: readonly SpecialToken[];
}
