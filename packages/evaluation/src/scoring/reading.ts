import { codePointLength, codePoints, splitWords, strip } from '../python/text.js';
import { levenshteinDistance, wordDistance } from './levenshtein.js';

const NUMBER = /-?[0-9][0-9,]*(?:\.[0-9]+)?/g;

/** Unicode NFC, ends stripped, runs of blanks to one space, no spaces around line ends. Case is kept. */
export function normalizeReading(text: string): string {
  return strip(text.normalize('NFC'))
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/ *\n */g, '\n');
}

/** Errors of one transcription, capped so that a runaway answer costs at most its reference. */
export interface TranscriptionErrors {
  /** Edit distance in characters, at most `characters`. */
  readonly characterErrors: number;
  /** Length of the reference in code points; a line end counts as one. */
  readonly characters: number;
  /** Edit distance in words, at most `words`. */
  readonly wordErrors: number;
  readonly words: number;
}

/** Compares a transcription with its reference after `normalizeReading`. */
export function transcriptionErrors(reference: string, prediction: string): TranscriptionErrors {
  const expected = normalizeReading(reference);
  const actual = normalizeReading(prediction);
  const words = splitWords(expected);
  const characters = codePointLength(expected);
  return {
    characterErrors: Math.min(characters, levenshteinDistance(expected, actual)),
    characters,
    wordErrors: Math.min(words.length, wordDistance(words, splitWords(actual))),
    words: words.length,
  };
}

/** Equal after normalisation, case folding and removal of a final full stop. */
export function isExactReading(reference: string, prediction: string): boolean {
  return foldReading(reference) === foldReading(prediction);
}

/** The last number in each text is the same decimal: "12.50" equals "12.5", thousands commas do not matter. */
export function isSameNumber(reference: string, prediction: string): boolean {
  const expected = lastDecimal(normalizeReading(reference));
  return expected !== undefined && expected === lastDecimal(normalizeReading(prediction));
}

function foldReading(text: string): string {
  return foldCase(normalizeReading(text)).replace(/\.$/, '');
}

// Full case folding for everything but a few letters of Turkish and Cherokee: "ß" equals "SS", "ς" equals "σ".
function foldCase(text: string): string {
  let out = '';
  for (const point of codePoints(text)) {
    const character = String.fromCodePoint(point);
    const upper = character.toUpperCase();
    out += codePointLength(upper) > 1 ? upper.toLowerCase() : character.toLowerCase();
  }
  return out.replaceAll('ς', 'σ');
}

function lastDecimal(text: string): string | undefined {
  const token = [...text.matchAll(NUMBER)].at(-1)?.[0].replaceAll(',', '');
  if (token === undefined) return undefined;
  const [whole = '', fraction = ''] = token.replace('-', '').split('.');
  const digits = whole.replace(/^0+(?=\d)/, '');
  const decimals = fraction.replace(/0+$/, '');
  const value = decimals === '' ? digits : `${digits}.${decimals}`;
  return token.startsWith('-') && value !== '0' ? `-${value}` : value;
}
