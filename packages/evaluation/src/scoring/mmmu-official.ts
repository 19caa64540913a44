import { parsePythonFloat } from '../python/number.js';
import { splitWords, strip, stripCharacters } from '../python/text.js';
import type { Options } from './option-matcher.js';

/** Result of the authors' multiple-choice parser; undefined where their code picks an option at random. */
export type OfficialChoice = string | undefined;

/** A normalised candidate of an open answer: numbers have two decimals, texts are lower-cased. */
export type OpenCandidate = string | number;

const INDICATORS = ['could be ', 'so ', 'is ', 'thus ', 'therefore ', 'final ', 'answer ', 'result '];
const TRIVIAL: ReadonlySet<string> = new Set([':', ',', '.', '!', '?', ';', "'"]);
const D = '\\p{Nd}';
const WORD = '[\\p{L}\\p{N}_]';
const BOUNDARY = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
const NUMBER_PATTERNS = [
  new RegExp(`-?${BOUNDARY}${D}{1,3}(?:,${D}{3})+${BOUNDARY}`, 'gu'),
  new RegExp(`-?${D}+(?:\\.${D}+)?[eE][+-]?${D}+`, 'gu'),
  new RegExp(`-?(?:${D}+\\.${D}+|\\.${D}+|${D}+${BOUNDARY})(?![eE][+-]?${D}+)(?![,\\p{Nd}])`, 'gu'),
];

/**
 * The option an answer chooses by the MMMU authors' rules: `(X)`, else ` X `, else (more than five words) option texts;
 * of several candidates the one whose last occurrence comes latest.
 *
 * @source MMMU-Benchmark/MMMU, `eval_utils.py` `parse_multi_choice_response`
 */
export function parseOfficialChoice(prediction: string, options: Options): OfficialChoice {
  let text = prediction;
  for (const character of ",.!?;:'") text = stripCharacters(text, character);
  text = ` ${text} `;
  const letters = Object.keys(options).sort();
  for (const [before, after] of [
    ['(', ')'],
    [' ', ' '],
  ] as const) {
    const found = letters.filter((letter) => text.includes(before + letter + after));
    if (found.length > 0) return latest(found, (letter) => text.lastIndexOf(before + letter + after));
  }
  if (splitWords(text).length <= 5) return undefined;
  const lower = text.toLowerCase();
  const found = Object.keys(options).filter((letter) => lower.includes(options[letter]!.toLowerCase()));
  return latest(found, (letter) => lower.lastIndexOf(options[letter]!.toLowerCase()));
}

/**
 * The candidates in an open answer: the tails after indicators such as "is", and every number in them.
 *
 * @source MMMU-Benchmark/MMMU, `eval_utils.py` `parse_open_response`
 */
export function parseOfficialOpen(prediction: string): OpenCandidate[] {
  const tails = keyResponses(prediction);
  const texts = [...tails, ...tails.flatMap(extractNumbers)];
  return [...new Set(texts.flatMap(normalizeCandidate))];
}

/** Says whether an open answer is right: a gold text inside a candidate text, or an equal number. */
export function isOfficialOpenCorrect(answers: readonly string[], candidates: readonly OpenCandidate[]): boolean {
  const gold = answers.flatMap(normalizeCandidate);
  return candidates.some((candidate) =>
    typeof candidate === 'number'
      ? gold.some((answer) => answer === candidate)
      : gold.some((answer) => typeof answer === 'string' && candidate.includes(answer)),
  );
}

function latest(letters: readonly string[], position: (letter: string) => number): OfficialChoice {
  let best: OfficialChoice;
  let bestPosition = Number.NEGATIVE_INFINITY;
  for (const letter of letters) {
    if (position(letter) > bestPosition) {
      best = letter;
      bestPosition = position(letter);
    }
  }
  return best;
}

function keyResponses(prediction: string): string[] {
  const response = stripCharacters(strip(prediction), '.').toLowerCase();
  // The original also cuts at a full stop before a capital, which lower-cased text does not have.
  const sentences = response.split('\n');
  const keys: string[] = [];
  for (const [index, sentence] of sentences.entries()) {
    const indicators = index === sentences.length - 1 ? [...INDICATORS, '='] : INDICATORS;
    const shortest = shortestTail(sentence, indicators);
    if (shortest !== undefined && shortest !== '' && !TRIVIAL.has(shortest)) keys.push(shortest);
  }
  return keys.length === 0 ? [response] : keys;
}

function shortestTail(sentence: string, indicators: readonly string[]): string | undefined {
  let shortest: string | undefined;
  for (const indicator of indicators) {
    if (!sentence.includes(indicator)) continue;
    const tail = strip(sentence.slice(sentence.lastIndexOf(indicator) + indicator.length));
    // An empty tail counts as "none so far", as in the original.
    if (shortest === undefined || shortest === '' || [...tail].length < [...shortest].length) shortest = tail;
  }
  return shortest;
}

function extractNumbers(text: string): string[] {
  return NUMBER_PATTERNS.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[0]));
}

function normalizeCandidate(text: string): OpenCandidate[] {
  const stripped = strip(text);
  const number = parsePythonFloat(stripped.replaceAll(',', ''));
  if (number !== undefined) return [roundHalfEven(number)];
  const lower = stripped.toLowerCase();
  return [...lower].length === 1 ? [` ${lower}`, `${lower} `] : [lower];
}

/** `round(value, 2)` of Python: the exact binary value is rounded, ties to even. */
function roundHalfEven(value: number): number {
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 52) return value;
  const [whole, fraction = ''] = exactDecimal(Math.abs(value)).split('.');
  const kept = BigInt(`${whole}${fraction.slice(0, 2).padEnd(2, '0')}`);
  const rest = fraction.slice(2).replace(/0+$/, '');
  const isUp = rest > '5' || (rest === '5' && kept % 2n === 1n);
  const digits = String(isUp ? kept + 1n : kept).padStart(3, '0');
  return Math.sign(value) * Number(`${digits.slice(0, -2)}.${digits.slice(-2)}`);
}

// Every double is a finite decimal: an integer over a power of two.
function exactDecimal(value: number): string {
  let power = 0;
  let scaled = value;
  while (!Number.isInteger(scaled) && power < 1100) {
    scaled *= 2;
    power += 1;
  }
  const digits = String(BigInt(scaled) * 5n ** BigInt(power)).padStart(power + 1, '0');
  return power === 0 ? digits : `${digits.slice(0, -power)}.${digits.slice(-power)}`;
}
