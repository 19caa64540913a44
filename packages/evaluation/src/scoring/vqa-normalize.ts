import { splitWords, strip } from '../python/text.js';
import { CONTRACTIONS } from './contractions.js';
import type { Profile } from './profile.js';

const PUNCTUATION = [...';/[]"{}()=+\\_-><@`,?!'];
const ANY_MARK = /[;/[\]"{}()=+\\_\-><@`,?!.]/;
const DIGIT_COMMA_DIGIT = /\p{Nd},\p{Nd}/u;
const LONE_STOP = /(?<!\p{Nd})\.(?!\p{Nd})/gu;
const STOP_BEFORE_NO_DIGIT = /\.(?!\p{Nd})/gu;
// The original passes the flag re.UNICODE (32) where re.sub takes the largest number of replacements.
const MOST_STOPS_REMOVED = 32;
const ARTICLES: ReadonlySet<string> = new Set(['a', 'an', 'the']);
const NUMBER_WORDS: ReadonlyMap<string, string> = new Map(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
    .map((word, value): [string, string] => [word, String(value)])
    .concat([['none', '0']]),
);

/**
 * The punctuation step of the VQA evaluation. Each mark is deleted everywhere if the *original* text has it beside a
 * space or has digit-comma-digit anywhere, otherwise replaced by a space; then up to 32 full stops are deleted:
 * `current` those with no digit on either side, `eval_mm` those with no digit after.
 *
 * @source VLMEvalKit, `process_punctuation`; GT-Vision-Lab/VQA, `vqaEval.py` `processPunctuation`
 */
export function stripPunctuation(text: string, profile: Profile): string {
  if (!ANY_MARK.test(text)) return text;
  const hasNumberComma = DIGIT_COMMA_DIGIT.test(text);
  let out = text;
  for (const mark of PUNCTUATION) {
    const isDeleted = hasNumberComma || text.includes(`${mark} `) || text.includes(` ${mark}`);
    out = out.replaceAll(mark, isDeleted ? '' : ' ');
  }
  let removed = 0;
  const stops = profile === 'current' ? LONE_STOP : STOP_BEFORE_NO_DIGIT;
  return out.replaceAll(stops, (stop) => {
    removed += 1;
    return removed > MOST_STOPS_REMOVED ? stop : '';
  });
}

/** Lower-cases, turns number words into digits, drops articles, restores apostrophes, joins with single spaces. */
export function normalizeWords(text: string): string {
  return splitWords(text.toLowerCase())
    .map((word) => NUMBER_WORDS.get(word) ?? word)
    .filter((word) => !ARTICLES.has(word))
    .map((word) => CONTRACTIONS.get(word) ?? word)
    .join(' ');
}

/**
 * The whole normaliser of the VQA evaluation.
 *
 * @source VLMEvalKit, `vqa_eval.py` `process_answer`
 */
export function normalizeAnswer(text: string, profile: Profile): string {
  return normalizeWords(stripPunctuation(strip(text.replaceAll(/[\n\t]/g, ' ')), profile));
}
