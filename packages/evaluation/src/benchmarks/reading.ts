import { fileURLToPath } from 'node:url';

import { openReadingDataset } from '../data/reading-dataset.js';
import { textOf, type DatasetRow } from '../data/sample.js';
import { plainPrompt } from '../prompts/builders.js';
import { codePointLength } from '../python/text.js';
import { isExactReading, isSameNumber, transcriptionErrors } from '../scoring/reading.js';
import { figure, type Aggregator, type Benchmark, type Json, type SampleScore } from './benchmark.js';

// A runaway answer must end: this is room for every reasonable one.
const TOKENS_PER_CHARACTER = 1.5;
const SPARE_TOKENS = 20;

/**
 * Reading of lines, paragraphs, receipts, signs, screens, tables, tall and wide strips, pages and shapes. The headline is
 * the character error rate: sum of edit distances, each capped at its reference, over the sum of reference lengths.
 */
export const reading: Benchmark = {
  name: 'Reading',
  title: 'Transcribing and looking up text in rendered pictures',
  agreement: 'exact',
  isStoredAsSpreadsheet: false,
  open: openReadingDataset,
  prompt: plainPrompt,
  generation: (sample) => ({
    maxNewTokens: Math.floor(TOKENS_PER_CHARACTER * codePointLength(textOf(sample, 'answer'))) + SPARE_TOKENS,
    beams: 1,
    repetitionPenalty: 1,
  }),
  score: scoreReading,
  aggregator: readingTable,
  resampling: { cluster: (row) => textOf(row, 'image'), counts: ['questions'] },
};

/**
 * PocketRead: the embedded model's own measure, 221 questions on 90 rendered pictures that come with this package. Families
 * and words were held out of the model's training. How they were drawn: `pocketread/README.md`.
 */
export const pocketRead: Benchmark = {
  ...reading,
  name: 'PocketRead',
  title: 'Reading rendered documents, receipts, signs and strips; no file needed',
  bundledData: fileURLToPath(new URL('../../pocketread', import.meta.url)),
};

function scoreReading(row: DatasetRow, prediction: string): SampleScore {
  const answer = textOf(row, 'answer');
  const metric = textOf(row, 'metric');
  if (metric === 'cer') {
    const errors = transcriptionErrors(answer, prediction);
    const rate = errors.characters === 0 ? 0 : errors.characterErrors / errors.characters;
    return { value: 1 - rate, details: { metric, cer: rate, ...errors } };
  }
  const isRight = metric === 'exact' ? isExactReading(answer, prediction) : isSameNumber(answer, prediction);
  return { value: isRight ? 1 : 0, details: { metric, isRight } };
}

class ReadingGroup {
  #characterErrors = 0;
  #characters = 0;
  #wordErrors = 0;
  #words = 0;
  #transcriptions = 0;
  #perfect = 0;
  readonly #lookups = { exact: { right: 0, total: 0 }, number: { right: 0, total: 0 } };

  add({ value, details }: SampleScore): void {
    const metric = details['metric'];
    if (metric === 'exact' || metric === 'number') {
      this.#lookups[metric].total += 1;
      this.#lookups[metric].right += value ?? 0;
      return;
    }
    this.#characterErrors += Number(details['characterErrors']);
    this.#characters += Number(details['characters']);
    this.#wordErrors += Number(details['wordErrors']);
    this.#words += Number(details['words']);
    this.#transcriptions += 1;
    if (details['characterErrors'] === 0) this.#perfect += 1;
  }

  get characterErrorRate(): number {
    return this.#characterErrors / this.#characters;
  }

  table(category: string): Json {
    const { exact, number } = this.#lookups;
    const right = exact.right + number.right;
    const total = exact.total + number.total;
    return {
      category,
      questions: this.#transcriptions + total,
      cer: figure(this.characterErrorRate),
      wer: figure(this.#wordErrors / this.#words),
      perfect: figure(this.#perfect / this.#transcriptions),
      exact: figure(exact.right / exact.total),
      number: figure(number.right / number.total),
      answers: figure(right / total),
    };
  }
}

function readingTable(): Aggregator {
  const overall = new ReadingGroup();
  const categories = new Map<string, ReadingGroup>();
  return {
    add(row, score) {
      const name = textOf(row, 'category');
      const group = categories.get(name) ?? new ReadingGroup();
      categories.set(name, group);
      group.add(score);
      overall.add(score);
    },
    result: () => ({
      table: [overall.table('Overall'), ...[...categories].map(([name, group]) => group.table(name))],
      headline: { name: 'CER', value: overall.characterErrorRate, best: 0 },
    }),
  };
}
