import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readFileSync } from 'node:fs';
import { checkCases } from './check-cases.js';

const GOLDEN = join(import.meta.dirname, '../../../../tools/golden/evaluation');
const files = (await readdir(GOLDEN)).filter((name) => name.endsWith('.jsonl'));

describe('scoring cases of the established tools', () => {
  it('has all 21 files', () => expect(files).toHaveLength(21));

  it.each(files)('%s: every line agrees, in both profiles', async (name) => {
    const report = await checkCases(join(GOLDEN, name));
    expect(report.failures).toEqual([]);
    expect(report.total).toBe(readFileSync(join(GOLDEN, name), 'utf8').trimEnd().split('\n').length);
    expect(report.failed).toBe(0);
  });
});

describe('disagreements', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pocketlens-cases-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function check(...lines: readonly unknown[]): Promise<ReturnType<typeof checkCases>> {
    const file = join(folder, 'cases.jsonl');
    await writeFile(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
    return checkCases(file);
  }

  const levenshtein = (distance: number): unknown => ({
    id: `d${distance}`,
    scorer: 'levenshtein',
    groundtruth: 'abc',
    prediction: 'abd',
    expected: { distance, vlmevalkit: 1 / 3 },
  });

  it('reports the case, the field and both values', async () => {
    const report = await check(levenshtein(1), levenshtein(2));
    expect(report).toMatchObject({ total: 2, failed: 1 });
    expect(report.failures[0]).toEqual({
      id: 'd2',
      line: 2,
      field: 'expected',
      expected: { distance: 2, vlmevalkit: 1 / 3 },
      actual: { distance: 1, vlmevalkit: 1 / 3 },
    });
  });

  it('finds a wrong value of the older profile alone', async () => {
    const one = { scorer: 'normalize', text: '3.', expected: { punct: '3.' } };
    expect((await check(one)).failures[0]).toMatchObject({ field: 'expected_eval_mm', actual: { punct: '3' } });
    expect((await check({ ...one, expected_eval_mm: { punct: '3' } })).failed).toBe(0);
  });

  it('lists the first twenty', async () => {
    const report = await check(...Array.from({ length: 25 }, () => levenshtein(9)));
    expect(report.failed).toBe(25);
    expect(report.failures).toHaveLength(20);
  });

  it('refuses lines that are no cases', async () => {
    await expect(check('{')).rejects.toMatchObject({ code: 'CASES_FORMAT' });
    await expect(check({ scorer: 'astrology' })).rejects.toMatchObject({ code: 'CASES_FORMAT' });
    await expect(check({ scorer: 'levenshtein', groundtruth: 'a' })).rejects.toMatchObject({ code: 'CASES_FORMAT' });
    await expect(checkCases(join(folder, 'absent.jsonl'))).rejects.toMatchObject({ code: 'CASES_FORMAT' });
  });
});
