import type { Benchmark, Json, SampleScore } from '../benchmarks/benchmark.js';
import { scoreMathVista } from '../benchmarks/mathvista.js';
import { benchmarks, findBenchmark } from '../benchmarks/registry.js';
import { answersOf } from '../benchmarks/short-answers.js';
import { CasesError } from '../errors.js';
import { JUDGE_TASKS, judgePrompt } from '../prompts/judge.js';
import type { PromptPart, PromptStyle } from '../prompts/parts.js';
import { spreadsheetText, typedCell } from '../python/column.js';
import { parsePythonFloat, parsePythonInteger, pythonFloatText } from '../python/number.js';
import { parseLlavaReview, parseMmVetReplies } from '../scoring/judge-replies.js';
import {
  anlsFromDistances,
  levenshteinDistance,
  normalizedDistance,
  officialNormalizedDistance,
} from '../scoring/levenshtein.js';
import { isOfficialOpenCorrect, parseOfficialChoice, parseOfficialOpen } from '../scoring/mmmu-official.js';
import { objectHallucination } from '../scoring/object-hallucination.js';
import { matchOption, type Options } from '../scoring/option-matcher.js';
import type { Profile } from '../scoring/profile.js';
import { openbmbVqaAccuracy } from '../scoring/vqa-accuracy.js';
import { normalizeAnswer, stripPunctuation } from '../scoring/vqa-normalize.js';
import { extractYesNo } from '../scoring/yes-no.js';
import {
  isObject,
  listField,
  objectField,
  textField,
  textList,
  type JsonObject,
  type ScoringCase,
} from './cases-file.js';
import { memoryRow, storeRows } from './spreadsheet-rows.js';

/** What this package makes of each case, under the names that the expected values have in the file. */
export type ReplayedCase = { readonly [expectedName: string]: Json };

type ReplayOne = (value: JsonObject, profile: Profile, texts: JsonObject) => Json;

const SCORERS_OF_ROWS: ReadonlySet<Json> = new Set([
  'mcq',
  'mcq_circular',
  'ocrbench',
  'vqa_score',
  'anls',
  'relaxed_accuracy',
  'yes_no',
  'mathvista',
]);

const SCORERS: Readonly<Record<string, ReplayOne>> = {
  mcq_extract: (value, profile, texts) =>
    matchOption(textField(value, 'prediction'), optionsField(texts, 'choices'), profile),
  normalize: (value, profile) => {
    const text = textField(value, 'text');
    return {
      punct: stripPunctuation(text, profile),
      full: normalizeAnswer(text, profile),
      yes_no: extractYesNo(text, profile),
    };
  },
  levenshtein: (value) => {
    const [truth, prediction] = [textField(value, 'groundtruth'), textField(value, 'prediction')];
    return { distance: levenshteinDistance(truth, prediction), vlmevalkit: normalizedDistance(truth, prediction) };
  },
  mmvet_judge_parse: (value) => ({ score: parseMmVetReplies(textList(listField(value, 'judge_output'))) }),
  llavabench_judge_parse: (value) => ({ scores: parseLlavaReview(textField(value, 'judge_output')) }),
  mmmu_official: replayOfficial,
  chair: replayObjectHallucination,
};

/**
 * Scores every case of a file under one profile.
 *
 * @throws {CasesError} `CASES_FORMAT` for a case whose kind is not known
 */
export function replayCases(cases: readonly ScoringCase[], profile: Profile): ReplayedCase[] {
  const results = new Map<ScoringCase, ReplayedCase>();
  const tables = new Map<string, ScoringCase[]>();
  for (const one of cases) {
    if (SCORERS_OF_ROWS.has(one.value['scorer'] ?? '')) {
      const name = textField(one.value, 'benchmark');
      tables.set(name, [...(tables.get(name) ?? []), one]);
    } else {
      results.set(one, replayOne(one, profile));
    }
  }
  for (const [name, table] of tables) {
    for (const [at, result] of replayTable(benchmarkOfFamily(name), table, profile).entries())
      results.set(table[at]!, result);
  }
  return cases.map((one) => results.get(one)!);
}

// Other parts of a benchmark's data, such as DocVQA_TEST, follow the same rules as the one that is known.
function benchmarkOfFamily(name: string): Benchmark {
  const [family] = name.split('_');
  const relative = benchmarks.find((benchmark) => benchmark.name.split('_')[0] === family);
  return benchmarks.find((benchmark) => benchmark.name === name) ?? relative ?? findBenchmark(name);
}

function replayOne({ value, texts, line }: ScoringCase, profile: Profile): ReplayedCase {
  if ('expected_minicpm' in value) return replayPrompt(texts);
  const kind = JUDGE_TASKS.find((task) => task === value['kind']);
  if (kind !== undefined && 'prompt' in value) {
    const row = memoryRow(objectField(texts, 'row'));
    return { prompt: judgePrompt(kind, row, row.cells['prediction'] ?? 'nan') };
  }
  const scorer = SCORERS[String(value['scorer'])];
  if (scorer) return { expected: scorer(value, profile, texts) };
  if (typeof value['text'] === 'string') return { expected: replayNumber(value['text']) };
  throw new CasesError(
    'CASES_FORMAT',
    `Expected a scoring case of a known kind in line ${line}, got scorer ${JSON.stringify(value['scorer'])}.`,
  );
}

function replayTable(benchmark: Benchmark, cases: readonly ScoringCase[], profile: Profile): ReplayedCase[] {
  const rows = storeRows(cases);
  const aggregator = benchmark.aggregator(profile);
  const scores = rows.map(({ row, prediction }, at): SampleScore => {
    const extracted = cases[at]!.value['judge_output'];
    const score =
      typeof extracted === 'string'
        ? scoreMathVista({
            row,
            prediction,
            extracted: typedCell(spreadsheetText(extracted), 'text') ?? 'nan',
            profile,
          })
        : benchmark.score(row, prediction, profile);
    aggregator.add(row, score);
    return score;
  });
  const { revisions } = aggregator.result();
  return scores.map((score, at) => ({
    expected: { ...score.details, ...revisions?.get(rows[at]!.row.index) },
    ...otherDefinitions(cases[at]!),
  }));
}

// The second opinions that stand beside the tool's own: taken from the prediction in memory, never stored.
function otherDefinitions({ value, texts }: ScoringCase): ReplayedCase {
  if (value['scorer'] !== 'vqa_score' && value['scorer'] !== 'anls') return {};
  const answers = answersOf(memoryRow(objectField(texts, 'row')));
  const prediction = textField(value, 'prediction');
  const similarity = (): number =>
    anlsFromDistances(answers.map((answer) => officialNormalizedDistance(answer, prediction)));
  return {
    ...('expected_openbmb_vqaeval' in value && {
      expected_openbmb_vqaeval: value['scorer'] === 'anls' ? similarity() : openbmbVqaAccuracy(answers, prediction),
    }),
    ...('expected_anls_official' in value && { expected_anls_official: similarity() }),
  };
}

function replayPrompt(texts: JsonObject): ReplayedCase {
  const name = textField(texts, 'dataset');
  const build = benchmarkOfFamily(name).prompt;
  const row = memoryRow(objectField(texts, 'row'));
  const imageCount = Number(texts['images'] ?? 1);
  const parts = (style: PromptStyle): Json => promptParts(build(row, imageCount, style));
  return {
    expected_minicpm: parts('minicpm'),
    expected_default: parts('default'),
    expected_minicpm_interleaved: parts('minicpm-interleaved'),
  };
}

/** Prompt parts in the notation of the cases: images are shown as `<image n>`, from 1. */
export function promptParts(parts: readonly PromptPart[]): Json {
  return parts.map((part) =>
    part.type === 'text' ? { type: 'text', value: part.text } : { type: 'image', value: `<image ${part.image + 1}>` },
  );
}

function replayNumber(text: string): Json {
  const float = parsePythonFloat(text);
  const integer = parsePythonInteger(text);
  const isSafe = integer !== undefined && integer <= 2n ** 53n && integer >= -(2n ** 53n);
  return { float: float ?? null, int: integer === undefined ? null : isSafe ? Number(integer) : String(integer) };
}

function replayOfficial(value: JsonObject): Json {
  const prediction = textField(value, 'prediction');
  const answer = value['answer'] ?? '';
  const answers = Array.isArray(answer) ? textList(answer as readonly Json[]) : [String(answer)];
  if (value['type'] === 'multiple-choice') {
    const parsed = parseOfficialChoice(prediction, optionsField(value, 'options'));
    if (parsed === undefined) return { parsed: null, random: true, correct: null };
    return { parsed, random: false, correct: answers.includes(parsed) };
  }
  const parsed = parseOfficialOpen(prediction);
  // The file lists numbers before texts, each kind in order of its text.
  const byKind = (left: string | number, right: string | number): number =>
    typeof left === typeof right
      ? compareTexts(candidateText(left), candidateText(right))
      : typeof left === 'number'
        ? -1
        : 1;
  return { parsed: [...parsed].sort(byKind), correct: isOfficialOpenCorrect(answers, parsed) };
}

function candidateText(candidate: string | number): string {
  return typeof candidate === 'number' ? pythonFloatText(candidate) : candidate;
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function replayObjectHallucination(value: JsonObject): Json {
  const images = listField(value, 'captions').filter(isObject);
  const synonyms = listField(value, 'synonyms').map((words) => textList(words as readonly Json[]));
  const truth = Object.entries(objectField(value, 'ground_truth')).map(([id, names]) => [
    id,
    textList(names as readonly Json[]),
  ]);
  const { captions, overall } = objectHallucination(
    images.map((image) => ({
      imageId: String(image['image_id']),
      caption: textField(image, 'caption'),
      objects: textList(listField(image, 'objs')),
    })),
    synonyms,
    Object.fromEntries(truth) as Record<string, string[]>,
  );
  return { captions: captions.map((caption) => ({ ...caption })), overall };
}

function optionsField(value: JsonObject, name: string): Options {
  return Object.fromEntries(Object.entries(objectField(value, name)).map(([letter, text]) => [letter, String(text)]));
}
