import type { Json, SampleScore } from '../benchmarks/benchmark.js';
import { type DatasetRow, optionsOf } from '../data/sample.js';
import { listItems } from '../python/literal.js';
import { levenshteinDistance } from '../scoring/levenshtein.js';
import { normalizeReading } from '../scoring/reading.js';

/** The reference of a sample as people read it: an option with its text, or all accepted answers. */
export function referenceOf({ index, cells }: DatasetRow): string {
  const answer = cells['answer'];
  if (answer === undefined || answer === null) return cells['gpt4_ans'] ?? listItems(cells['objects'] ?? '').join(', ');
  const option = optionsOf({ index, cells })[answer];
  if (option !== undefined) return `${answer}. ${option}`;
  return [...new Set(listItems(answer))].join(' | ');
}

/** A scored sample. */
export interface Explained {
  readonly row: DatasetRow;
  readonly score: SampleScore;
  /** As the model gave it. */
  readonly prediction: string;
  /** Who looked for an answer in it. */
  readonly matchedBy: string;
}

/** Why a sample has its score, in a sentence made from what its scorer reports. */
export function explain({ row, score, prediction, matchedBy }: Explained): string {
  const { value, isUnmatched, details } = score;
  const { metric, extracted, characterErrors, characters, match, scores, prefetch } = details;
  if (metric === 'cer')
    return `${String(characterErrors)} of ${String(characters)} characters of the reference are wrong or missing.`;
  if (metric === 'exact')
    return value === 1
      ? 'Equal to the reference but for case.'
      : `Not equal to the reference: ${changes(row, prediction)}.`;
  if (metric === 'number')
    return value === 1 ? 'Its last number is the reference.' : 'Its last number is not the reference.';
  if (isUnmatched === true) return `${matchedBy} found no answer in it, so it counts as wrong.`;
  if (extracted === 'Z') return 'Read as a refusal.';
  const { kept, invented } = details;
  if (Array.isArray(kept) && Array.isArray(invented)) return explainObjects(kept as string[], invented as string[]);
  if (typeof extracted === 'string') return `Read as ${extracted}; right is ${row.cells['answer'] ?? 'unknown'}.`;
  if (Array.isArray(match)) return explainMatches(match as readonly Json[], value);
  if (Array.isArray(scores))
    return `The judge gave ${String(scores[1])} of 10, and ${String(scores[0])} to the reference answer.`;
  if (prefetch !== undefined) return value === 1 ? 'The value found is the answer.' : `Found ${String(prefetch)}.`;
  if (value === 1) return 'A reference is contained in the answer.';
  return value === 0 ? 'No reference is contained in the answer.' : `Scored ${value ?? 'with its group'}.`;
}

function explainMatches(match: readonly Json[], value: number | null): string {
  const numbers = match.map(Number);
  if (match.every((one) => typeof one === 'boolean')) {
    return match.includes(true) ? 'Agrees with a reference.' : 'Agrees with no reference, numbers within 5 %.';
  }
  if (numbers.length > 1 && numbers.every((one) => one >= 0 && one <= 1) && value !== 1 - Math.min(...numbers)) {
    const mean = numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
    if (value !== null && Math.abs(mean - value) < 1e-9)
      return `Mean agreement with ${numbers.length} people's answers.`;
  }
  const distance = Math.min(...numbers);
  const least = `The nearest reference differs in ${(distance * 100).toFixed(0)} % of its length`;
  return distance > 0.5 ? `${least}; above 50 % nothing counts.` : `${least}.`;
}

function explainObjects(kept: readonly string[], invented: readonly string[]): string {
  if (kept.length === 0) return 'Names no object of COCO, so it is in no rate of responses.';
  if (invented.length > 0) return `Names what is not in the picture: ${invented.join(', ')}.`;
  return `All it names is in the picture: ${kept.join(', ')}.`;
}

function changes({ cells }: DatasetRow, prediction: string): string {
  const distance = levenshteinDistance(normalizeReading(cells['answer'] ?? ''), normalizeReading(prediction));
  return distance === 1 ? 'one character differs' : `${distance} characters differ`;
}
