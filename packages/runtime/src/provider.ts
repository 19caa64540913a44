// For packages that offer the models of other engines as an `AnsweringModel`: the same checks, choices and text as here.
export { collectChat } from './chat/collect.js';
export { fitContext } from './chat/fit-context.js';
export { Stopwatch } from './chat/stopwatch.js';
export { streamAnswer } from './chat/stream-answer.js';
export type { AnswerEnd, AnswerRequest, TokenTexts } from './chat/stream-answer.js';
export type { TokenStream } from './generation/generate-tokens.js';
export type { GeneratedToken } from './generation/logprobs.js';
export { resolveGenerationOptions } from './generation/options.js';
export type { GenerationSettings } from './generation/options.js';
export type { TokenDecoder } from './generation/text-stream.js';
export { TokenSelector } from './generation/token-selector.js';
export { cachedModel } from './open/cached-model.js';
export { checkMessages, contentParts, imageParts, pythonStrip } from './prompt/messages.js';
