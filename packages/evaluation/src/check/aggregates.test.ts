import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Json } from '../benchmarks/benchmark.js';
import { scoreMathVista } from '../benchmarks/mathvista.js';
import { findBenchmark } from '../benchmarks/registry.js';
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
];
const NEEDS_A_GRADER = ['MMVet', 'LLaVABench'];
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

function table(name: string, profile: Profile): unknown {
  const benchmark = findBenchmark(name);
  const aggregator = benchmark.aggregator(profile);
  for (const [at, { row, prediction }] of storeRows(cases.get(name)!).entries()) {
    const extracted = cases.get(name)![at]!.value['judge_output'];
    const score =
      typeof extracted === 'string'
        ? scoreMathVista({ row, prediction, extracted, profile })
        : benchmark.score(row, prediction, profile);
    aggregator.add(row, score);
  }
  return aggregator.result().table;
}

describe('tables of the established tools', () => {
  const names = Object.keys(aggregates).filter((name) => !NEEDS_A_GRADER.includes(name));
  it('covers them all', () => expect(names).toHaveLength(16));

  it.each(names)('%s', (name) => {
    const { n, current, eval_mm: older = current } = aggregates[name]!;
    expect(cases.get(name)).toHaveLength(n);
    for (const [profile, expected] of [
      ['current', current],
      ['eval_mm', older],
    ] as const) {
      const actual = table(name, profile);
      expect(actual).toSatisfy((value: Json) => matches(expected, value), `${profile}: ${JSON.stringify(actual)}`);
      expect(Object.keys(actual as object)).toHaveLength(Object.keys(expected).length);
    }
  });
});
