import { codePointLength, PYTHON_SPACE, splitWords } from '../python/text.js';
import type { Profile } from './profile.js';

/** Option letter to option text, in alphabetical order. */
export type Options = Readonly<Record<string, string>>;

/** A letter, "Z" for a refusal, or false where nothing was found. */
export type MatchedOption = string | false;

const API_FAILURE = 'Failed to obtain answer via API';
const REFUSALS = [
  "Sorry, I can't help with images of people yet.",
  "I can't process this file.",
  "I'm sorry, but without the image provided",
  'Cannot determine the answer',
];
// Python ignores case by simple folding and two extra pairs, so "ı" and "İ" match "i" and "ſ" matches "s".
const S = PYTHON_SPACE;
const ANSWER_IS = new RegExp(
  `(?:[cC][oO][rR][rR][eE][cC][tT]${S}+)?[aA][nN][sSſ][wW][eE][rR]${S}+[iIıİ][sSſ]${S}+\\**([A-Da-d])\\**`,
  'u',
);
const SEPARATORS = /[.()[\],:;!*#{}]/g;

/**
 * Finds the option that an answer chooses, without a judge: a refusal, a letter standing alone (`current`: among the
 * last four words), "answer is X" (`current` only), or the text of exactly one option inside the answer.
 *
 * @source VLMEvalKit, `matching_util.py` `can_infer`
 */
export function matchOption(answer: string, options: Options, profile: Profile): MatchedOption {
  const letter = matchLetter(answer, options, profile);
  return letter === false ? matchText(answer, options, profile) : letter;
}

function matchLetter(answer: string, options: Options, profile: Profile): MatchedOption {
  if (answer.includes(API_FAILURE)) return false;
  if (REFUSALS.some((refusal) => answer.includes(refusal))) return 'Z';
  const words = splitWords(answer.replaceAll(SEPARATORS, ' '));
  const present = Object.keys(options).filter((letter) => words.includes(letter));
  const [only] = present;
  if (present.length === 1 && only !== undefined) {
    if (profile === 'eval_mm' || words.indexOf(only) > words.length - 5) return only;
  } else if (present.length === 0 && words.includes('Z')) {
    return 'Z';
  }
  if (profile === 'eval_mm') return false;
  const stated = ANSWER_IS.exec(answer)?.[1]?.toUpperCase();
  return stated !== undefined && Object.hasOwn(options, stated) ? stated : false;
}

function matchText(answer: string, options: Options, profile: Profile): MatchedOption {
  const lower = answer.toLowerCase();
  const entries = Object.entries(options);
  if (profile === 'current') {
    const total = entries.reduce((sum, [, text]) => sum + codePointLength(text), 0);
    if (codePointLength(lower) > 2 * total) return false;
  }
  const inside = entries.filter(([, text]) => lower.includes(text.toLowerCase()));
  return inside.length === 1 ? inside[0]![0] : false;
}
