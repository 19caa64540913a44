import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Json } from '../benchmarks/benchmark.js';
import { findBenchmark } from '../benchmarks/registry.js';
import type { AskJudge } from '../judging/judge.js';
import type { Profile } from '../scoring/profile.js';
import { readCases, type ScoringCase } from './cases-file.js';
import { matches } from './matches.js';
import { storeRows } from './spreadsheet-rows.js';

const GOLDEN = join(import.meta.dirname, '../../../../tools/golden/evaluation');
const FILES = [
  'mcq',
  'mmbench_circular',
  'mmmu',
  'ocrbench',
  'textvqa',
  'docvqa',
  'chartqa',
  'mme',
  'pope',
  'hallusionbench',
  'mathvista',
  'mmvet',
  'llavabench',
];
const aggregates = JSON.parse(await readFile(join(GOLDEN, 'aggregates.json'), 'utf8')) as Record<
  string,
  { n: number; current: never; eval_mm?: never }
>;

const cases = new Map<string, ScoringCase[]>();
for (const file of FILES) {
  for (const one of await readCases(join(GOLDEN, `${file}.jsonl`))) {
    const name = String(one.value['benchmark']);
    cases.set(name, [...(cases.get(name) ?? []), one]);
  }
}

/** A judge that gives the replies of the case, one after the other. */
function replaying(replies: unknown): AskJudge {
  const texts = Array.isArray(replies) ? replies.map(String) : [String(replies)];
  return ({ attempt }) => Promise.resolve(texts[attempt] ?? '');
}

async function table(name: string, profile: Profile): Promise<unknown> {
  const benchmark = findBenchmark(name);
  const aggregator = benchmark.aggregator(profile);
  for (const [at, { row, prediction }] of storeRows(cases.get(name)!).entries()) {
    const score = benchmark.score(row, prediction, profile);
    const replies = cases.get(name)![at]!.value['judge_output'];
    const isJudged = replies !== undefined && score.isUnmatched === true;
    const judged = isJudged ? benchmark.judging!.score({ row, prediction, profile }, replaying(replies)) : score;
    aggregator.add(row, await judged);
  }
  return aggregator.result().table;
}

describe('tables of the established tools', () => {
  const names = Object.keys(aggregates);
  it('covers them all', () => expect(names).toHaveLength(18));

  it.each(names)('%s', async (name) => {
    const { n, current, eval_mm: older = current } = aggregates[name]!;
    expect(cases.get(name)).toHaveLength(n);
    for (const [profile, expected] of [
      ['current', current],
      ['eval_mm', older],
    ] as const) {
      const actual = await table(name, profile);
      expect(actual).toSatisfy((value: Json) => matches(expected, value), `${profile}: ${JSON.stringify(actual)}`);
      expect(Object.keys(actual as object)).toHaveLength(Object.keys(expected).length);
    }
  });
});
