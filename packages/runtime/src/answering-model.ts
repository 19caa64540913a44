import type { VisionLanguageModel } from './vision-language-model.js';

/** What all models have in common, wherever they run: evaluation, command line and cascade take any of them. */
export interface AnsweringModel extends Pick<VisionLanguageModel, 'chat' | 'generate' | 'dispose'> {
  /** As its users call it. */
  readonly name: string;
}
