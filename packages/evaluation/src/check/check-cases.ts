import type { Json } from '../benchmarks/benchmark.js';
import { PROFILES } from '../scoring/profile.js';
import { readCases, type ScoringCase } from './cases-file.js';
import { matches } from './matches.js';
import { replayCases, type ReplayedCase } from './replay.js';

/** A case whose score is not the expected one. */
export interface CaseFailure {
  readonly id: string;
  /** Line in the file, from 1. */
  readonly line: number;
  /** The field of the case that disagrees: `expected`, `expected_eval_mm`, and so on. */
  readonly field: string;
  readonly expected: Json;
  readonly actual: Json;
}

/** What `checkCases` found. */
export interface CaseReport {
  readonly file: string;
  /** Cases in the file. */
  readonly total: number;
  /** Cases with at least one disagreement. */
  readonly failed: number;
  /** The first 20 failed cases. */
  readonly failures: readonly CaseFailure[];
}

const MOST_FAILURES_LISTED = 20;

/**
 * Replays a file of scoring cases, one JSON object a line, and compares with the expected values under both profiles.
 *
 * @param file - cases of the kinds `mcq`, `mcq_circular`, `mcq_extract`, `ocrbench`, `vqa_score`, `anls`,
 *   `relaxed_accuracy`, `yes_no`, `mathvista`, `normalize`, `levenshtein`, `mmmu_official`, `chair`, judge replies, prompts
 *   or Python numbers
 * @throws {CasesError} `CASES_FORMAT` when a line cannot be read or its kind is not known
 */
export async function checkCases(file: string): Promise<CaseReport> {
  const cases = await readCases(file);
  const [current, evalMm] = PROFILES.map((profile) => replayCases(cases, profile)) as [ReplayedCase[], ReplayedCase[]];
  const failures = cases.flatMap((one, at) => firstFailure(one, current[at]!, evalMm[at]!) ?? []);
  return { file, total: cases.length, failed: failures.length, failures: failures.slice(0, MOST_FAILURES_LISTED) };
}

function firstFailure(one: ScoringCase, current: ReplayedCase, evalMm: ReplayedCase): CaseFailure | undefined {
  const { expected, expected_eval_mm: older = expected, ...rest } = one.value;
  const comparisons: (readonly [field: string, expected: Json | undefined, actual: Json | undefined])[] = [
    ['expected', expected, current['expected']],
    // Where the older profile agrees with the current one, the file has its value only once.
    ['expected_eval_mm', older, evalMm['expected']],
    ...Object.entries(rest)
      .filter(([field]) => field.startsWith('expected_') || (field === 'prompt' && 'prompt' in current))
      .map(([field, value]) => [field, value, current[field]] as const),
  ];
  for (const [field, wanted, actual] of comparisons) {
    if (wanted === undefined || matches(wanted, actual)) continue;
    return { id: one.id, line: one.line, field, expected: wanted, actual: actual ?? null };
  }
  return undefined;
}
