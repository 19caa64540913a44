import { openObjectHalBench } from '../data/object-halbench-dataset.js';
import { textOf, type DatasetRow } from '../data/sample.js';
import { askUntilRead } from '../judging/tries.js';
import type { AskJudge } from '../judging/judge.js';
import { plainPrompt } from '../prompts/builders.js';
import { extractObjects } from '../prompts/judge-texts.js';
import { strip } from '../python/text.js';
import { captionOf, countMentions, HallucinationTally, type MentionCounts } from '../scoring/object-hallucination.js';
import { objectsInText, objectsOfPhrases, type ObjectWords, parseObjectWords } from '../scoring/object-words.js';
import {
  figure,
  type Aggregator,
  type Benchmark,
  type Json,
  type JudgedSample,
  type SampleScore,
} from './benchmark.js';

const TRIES = 5;
const TEMPERATURE_STEP = 0.5;
/** So short an answer names no objects. */
const SHORT_ANSWER_WORDS = 3;

/**
 * Object HalBench: descriptions of 300 pictures of COCO, and whether they name objects that are not there. The headline is the
 * share of responses without one, among those that name any. A judge lists the objects; without one they are looked up in the
 * text, as in classic CHAIR, which is another metric. Source: RLHF-V/RLAIF-V, `eval_gpt_obj_halbench.py`.
 */
export const objectHalBench: Benchmark = {
  name: 'ObjectHalBench',
  title: 'Descriptions without objects that are not in the picture',
  agreement: 'substitute',
  isStoredAsSpreadsheet: false,
  open: openObjectHalBench,
  prompt: plainPrompt,
  generation: () => ({ maxNewTokens: 1024, beams: 3, repetitionPenalty: 1.2 }),
  score: (row, prediction) => scoreObjects(row, prediction, objectsInText(prediction, wordsOf(row))),
  judging: { role: 'grade', score: extractAndScore },
  aggregator: hallucinationTable,
  resampling: { counts: ['sentence_num', 'coco_sentence_num', 'coco_word_count', 'gt_word_count'] },
};

async function extractAndScore({ row, prediction }: JudgedSample, ask: AskJudge): Promise<SampleScore> {
  const answer = answerOf(prediction);
  if (strip(answer).split(/\s+/).length <= SHORT_ANSWER_WORDS) return scoreObjects(row, prediction, []);
  const prompt = extractObjects(textOf(row, 'question'), answer);
  const tries = { prompt, role: 'system' as const, count: TRIES, temperatureStep: TEMPERATURE_STEP };
  const phrases = await askUntilRead(tries, ask, parseObjectList);
  if (phrases) return scoreObjects(row, prediction, objectsOfPhrases(phrases, wordsOf(row)));
  return { value: null, isUnmatched: true, details: {} };
}

/** The last JSON list of a judge's reply; undefined when there is none. */
function parseObjectList(reply: string): string[] | undefined {
  const block = /```json\n([\s\S]*?)\n```/.exec(reply)?.[1];
  // An empty list is asked for as "()".
  if (block === undefined && /^\s*(?:\[\s*\]|\(\s*\))\s*$/.test(reply)) return [];
  try {
    const list: unknown = JSON.parse(block ?? strip(reply).split('\n').at(-1)!);
    return Array.isArray(list) && list.every((one) => typeof one === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}

function answerOf(prediction: string): string {
  return strip(prediction.replaceAll('Assistant:', ''));
}

function scoreObjects(row: DatasetRow, prediction: string, objects: readonly string[]): SampleScore {
  const truth = new Set(JSON.parse(textOf(row, 'objects')) as string[]);
  const counts = countMentions(answerOf(prediction), objects, wordsOf(row).classes, truth);
  // A response without objects is in no rate of responses.
  const value = counts.kept.length === 0 ? null : counts.invented.length === 0 ? 1 : 0;
  return { value, details: { ...captionOf(counts), objects, ...counts } as Readonly<Record<string, Json>> };
}

let lastWords: { readonly table: string; readonly words: ObjectWords } | undefined;

// All rows of a dataset have one table.
function wordsOf(row: DatasetRow): ObjectWords {
  const table = textOf(row, 'synonyms');
  if (lastWords?.table !== table) lastWords = { table, words: parseObjectWords(table) };
  return lastWords.words;
}

function hallucinationTable(): Aggregator {
  const tally = new HallucinationTally();
  return {
    add(_, { details }) {
      if ('kept' in details) tally.add(details as unknown as MentionCounts);
    },
    result() {
      const overall = tally.overall();
      const table = Object.fromEntries(Object.entries(overall).map(([name, value]) => [name, figure(value)]));
      return { table: [table], headline: { name: 'Correct Rate', value: overall['correct_rate']! * 100, best: 100 } };
    },
  };
}
