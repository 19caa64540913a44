import { InvalidPromptError } from '../errors.js';
import type { GenerationSettings } from '../generation/options.js';
import type { Warning } from './types.js';

/** Room for the answer. Throws `PROMPT_TOO_LONG` when the prompt leaves none; nothing is ever cut. */
export function fitContext(
  contextLength: number,
  settings: GenerationSettings,
  { textTokens, imageTokens }: { readonly textTokens: number; readonly imageTokens: number },
): { readonly maxNewTokens: number; readonly warnings: readonly Warning[] } {
  const needed = textTokens + imageTokens;
  const room = contextLength - needed;
  if (room < 1) {
    throw new InvalidPromptError(
      'PROMPT_TOO_LONG',
      `the prompt has ${needed} tokens (${textTokens} of text, ${imageTokens} of images), the context holds ${contextLength}`,
      {
        hint: 'Shorten the text, leave out earlier turns, or use fewer or smaller images.',
        details: { needed, textTokens, imageTokens, limit: contextLength },
      },
    );
  }
  if (settings.maxNewTokens <= room) return { maxNewTokens: settings.maxNewTokens, warnings: [] };
  const message = `at most ${room} new tokens fit the context of ${contextLength}, ${settings.maxNewTokens} were asked for`;
  return {
    maxNewTokens: room,
    warnings: settings.isMaxNewTokensGiven ? [{ code: 'MAX_NEW_TOKENS_REDUCED', message }] : [],
  };
}
