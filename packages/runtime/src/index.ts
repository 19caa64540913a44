export type { AnsweringModel } from './answering-model.js';
export type { CacheOptions, CacheStats } from './cache/caches.js';
export type { ImageCacheStats } from './cache/feature-cache.js';
export type { SequenceCacheStats } from './cache/sequence-pool.js';
export { ChatSession } from './chat/chat-session.js';
export type { SessionOptions } from './chat/chat-session.js';
export type {
  ChatOptions,
  ChatPart,
  ChatProgress,
  ChatResult,
  ChatTokenLogprob,
  ChatTokenLogprobs,
  FinishPart,
  FinishReason,
  Timings,
  Usage,
  Warning,
} from './chat/types.js';
export { InvalidPromptError, ModelNotFoundError, SessionBusyError, UnsupportedError } from './errors.js';
export type { InvalidPromptErrorCode } from './errors.js';
export type { TokenStream } from './generation/generate-tokens.js';
export type { GeneratedToken, TokenLogprob, TokenLogprobs } from './generation/logprobs.js';
export type { EarlyStopping, GenerationOptions, Speculation } from './generation/options.js';
export { locateModel } from './open/locate-model.js';
export { openModel } from './open/open-model.js';
export type { OpenModelOptions } from './open/open-model.js';
export type { ContentPart, ImagePart, Message, Role, TextPart } from './prompt/messages.js';
export type { RawInput } from './raw-input.js';
export { VisionLanguageModel } from './vision-language-model.js';
export type { GenerateFromIdsOptions } from './vision-language-model.js';
