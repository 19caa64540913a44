export { AbortError, ProviderError, type ProviderErrorCode, type ProviderErrorOptions } from './errors.js';
export type { AnsweringModel } from '@pocketlens/runtime';
export { OpenAiModel, type OpenAiModelOptions } from './openai-model.js';
export { type Dialect, DIALECTS, type TokenLimitField } from './request.js';
export type { ModelFacts } from './model-facts.js';
