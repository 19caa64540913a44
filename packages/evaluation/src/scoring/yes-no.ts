import { splitWords } from '../python/text.js';
import type { Profile } from './profile.js';
import { stripPunctuation } from './vqa-normalize.js';

export type YesNo = 'Yes' | 'No' | 'Unknown';

/**
 * Reads yes or no out of an answer: exactly one of the two words must be there. ":" and "*" are no punctuation here,
 * so "Yes:" and "**No**" are Unknown.
 *
 * @source VLMEvalKit, `yorn.py` `YOrN_Extraction`
 */
export function extractYesNo(text: string, profile: Profile): YesNo {
  const words = splitWords(stripPunctuation(text.toLowerCase(), profile));
  const hasYes = words.includes('yes');
  const hasNo = words.includes('no');
  if (hasYes === hasNo) return 'Unknown';
  return hasYes ? 'Yes' : 'No';
}
