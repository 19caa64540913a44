export {
  type ErrorOptionsWithContext,
  InvalidArgumentError,
  PocketlensError,
  TokenizerError,
  type TokenizerErrorCode,
} from './errors.js';
export type { HuggingFaceTokenizerFile } from './hugging-face-file.js';
export type { ChatMessage } from './llama3-chat.js';
export { MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS } from './llama3-special-tokens.js';
export { Llama3Tokenizer } from './llama3-tokenizer.js';
export type { TokenizerSource } from './read-definition.js';
export type { SpecialTokenPolicy } from './special-tokens.js';
export type { TokenOffset } from './token-offsets.js';
export type { TokenStream } from './token-stream.js';
export {
  type DecodeOptions,
  type EncodeAsyncOptions,
  type EncodeChatOptions,
  type EncodeOptions,
  type SpecialTokenOptions,
  type TokenBatch,
  Tokenizer,
} from './tokenizer.js';
export type { AddedToken, SpecialTokenSource, TokenName, TokenizerConfig } from './tokenizer-config.js';
export type { TokenizerLoadOptions } from './tokenizer-parts.js';
