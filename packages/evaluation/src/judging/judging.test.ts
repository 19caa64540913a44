import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChatOptions, Message } from '@pocketlens/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findBenchmark, loadBenchmark, type LoadedBenchmark } from '../benchmarks/registry.js';
import { scoreBenchmark } from '../run/score-benchmark.js';
import { createJudge, type JudgeModel } from './judge.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocketlens-judge-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A language model that answers by rule. */
class JudgingModel implements JudgeModel {
  readonly asked: { readonly messages: readonly Message[]; readonly options: ChatOptions }[] = [];
  readonly #reply: (prompt: string, count: number) => string;

  constructor(reply: (prompt: string, count: number) => string) {
    this.#reply = reply;
  }

  async generate(messages: readonly Message[], options: ChatOptions): Promise<{ text: string }> {
    this.asked.push({ messages, options });
    return { text: this.#reply(String(messages.at(-1)!.content), this.asked.length) };
  }
}

async function load(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<LoadedBenchmark> {
  const file = join(folder, `${name}-${(await readdir(folder)).length}.tsv`);
  await writeFile(file, [['index', 'image_path', ...columns], ...rows].map((row) => `${row.join('\t')}\n`).join(''));
  return loadBenchmark(name, file);
}

const CHOICES = ['question', 'A', 'B', 'answer', 'category'];
const shapes = (): Promise<LoadedBenchmark> =>
  load('RealWorldQA', CHOICES, [
    ['1', 'a.png', 'What shape is it?', 'circle', 'square', 'A', 'x'],
    ['2', 'b.png', 'What shape is it?', 'circle', 'square', 'B', 'x'],
    ['3', 'c.png', 'What shape is it?', 'circle', 'square', 'B', 'x'],
  ]);
const judgeOf = (model: JudgeModel, cache?: string) =>
  createJudge({ model, name: 'tester', ...(cache !== undefined && { cache }), retries: { firstDelayMs: 1 } });

describe('an extractor', () => {
  it('sees only what no rule can read, and is named in the report', async () => {
    const benchmark = await shapes();
    const predictions = { 1: 'round', 2: 'B', 3: 'no idea' };
    const plain = await scoreBenchmark({ benchmark, predictions });
    expect(plain).toMatchObject({
      matching: { by: 'exact-matching' },
      unmatched: 2,
      headline: { value: (1 / 3) * 100 },
    });
    const model = new JudgingModel((prompt) => (prompt.includes('Answer: round') ? 'A' : 'hm'));
    const judged = await scoreBenchmark({ benchmark, predictions, judge: judgeOf(model) });
    expect(judged).toMatchObject({
      matching: { by: 'judge', judge: 'tester', judged: 2, asked: 4, cached: 0 },
      unmatched: 1,
      headline: { value: (2 / 3) * 100 },
    });
    expect(judged.samples.map(({ details }) => details)).toEqual([
      { extracted: 'A', hit: 1 },
      { extracted: 'B', hit: 1 },
      { extracted: false, hit: 0 },
    ]);
    expect(model.asked.every(({ options }) => options.temperature === undefined)).toBe(true);
  });

  it('is asked nothing twice that is on the disk', async () => {
    const benchmark = await shapes();
    const predictions = { 1: 'round', 2: 'round', 3: 'no idea' };
    const cache = join(folder, 'cache');
    const model = new JudgingModel((prompt) => (prompt.includes('Answer: round') ? 'A' : 'hm'));
    const first = await scoreBenchmark({ benchmark, predictions, judge: judgeOf(model, cache), judgeConcurrency: 1 });
    // The same question with the same answer is one question, whatever the sample.
    expect(first.matching).toMatchObject({ asked: 4, cached: 1 });
    const silent = new JudgingModel(() => {
      throw new Error('asked');
    });
    const second = await scoreBenchmark({ benchmark, predictions, judge: judgeOf(silent, cache) });
    expect(second).toMatchObject({ matching: { asked: 0, cached: 5 }, headline: first.headline });
    const files = (await readdir(cache, { recursive: true })).filter((name) => name.endsWith('.json'));
    expect(files).toHaveLength(4);
    await truncate(join(cache, files[0]!), 10);
    await scoreBenchmark({ benchmark, predictions, judge: judgeOf(model, cache) });
    expect(model.asked.length).toBeGreaterThanOrEqual(5);
    // Another judge is another question.
    const other = createJudge({ model, name: 'other', cache });
    expect((await scoreBenchmark({ benchmark, predictions, judge: other })).matching).toMatchObject({ asked: 4 });
  });

  it('decides the rotations of a question until one is lost', async () => {
    const rotations = [0, 1, 2].flatMap((question) =>
      [0, 1].map((turn) => [
        String(question + turn * 1_000_000),
        'a.png',
        'What?',
        turn === 0 ? 'cat' : 'dog',
        turn === 0 ? 'dog' : 'cat',
        turn === 0 ? 'A' : 'B',
        'x',
      ]),
    );
    const benchmark = await load('MMBench_DEV_EN', CHOICES, rotations);
    const model = new JudgingModel((prompt) => (prompt.includes('A. cat') ? 'A' : 'B'));
    const predictions = { 0: 'feline', 1000000: 'feline', 1: 'feline', 1000001: 'A', 2: 'feline', 1000002: 'B' };
    const report = await scoreBenchmark({ benchmark, predictions, judge: judgeOf(model) });
    // The second question is lost by a rule, so the judge need not look at it.
    expect(report).toMatchObject({
      matching: { judged: 3, asked: 3 },
      headline: { value: (2 / 3) * 100 },
      unmatched: 0,
    });
    const wrong = new JudgingModel(() => 'Z');
    const lost = await scoreBenchmark({ benchmark, predictions, judge: judgeOf(wrong) });
    expect(lost).toMatchObject({ matching: { judged: 2, asked: 2 }, headline: { value: 0 } });
  });

  it('reads yes and no with a higher temperature each time', async () => {
    const benchmark = await load(
      'HallusionBench',
      ['question', 'answer', 'category', 'l2-category'],
      [['VD_x_1_0_1_0', 'a.png', 'Equal?', 'Yes', 'VD', 'x']],
    );
    const model = new JudgingModel((_, count) => (count === 3 ? 'Yes' : 'Perhaps'));
    const report = await scoreBenchmark({
      benchmark,
      predictions: { VD_x_1_0_1_0: 'They are' },
      judge: judgeOf(model),
    });
    expect(report).toMatchObject({ headline: { value: 100 }, unmatched: 0 });
    expect(model.asked.map(({ options }) => options.temperature)).toEqual([undefined, 0.5, 1]);
  });

  it('takes the first extraction for MathVista', async () => {
    const columns = [
      'question',
      'question_type',
      'answer_type',
      'answer',
      'choices',
      'answer_option',
      'task',
      'skills',
    ];
    const row = ['1', 'a.png', 'How many?', 'free_form', 'integer', '14', '', '', 'counting', "['arithmetic']"];
    const benchmark = await load('MathVista_MINI', columns, [row]);
    const model = new JudgingModel(() => '14');
    const report = await scoreBenchmark({ benchmark, predictions: { 1: 'There are 14.' }, judge: judgeOf(model) });
    expect(report).toMatchObject({ headline: { value: 100 }, unmatched: 0, matching: { judged: 1 } });
    expect(report.table).toContainEqual(expect.objectContaining({ 'Task&Skill': 'Overall', prefetch: 0, hit: 1 }));
  });
});

describe('a grader', () => {
  const COLUMNS = ['question', 'answer', 'category'];
  const mmvet = (): Promise<LoadedBenchmark> =>
    load('MMVet', COLUMNS, [
      ['1', 'a.png', 'What is x?', '-1<AND>-5', 'ocr,math'],
      ['2', 'b.png', 'What is it?', 'cat', 'rec'],
    ]);

  it('is needed', async () => {
    const scoring = scoreBenchmark({ benchmark: await mmvet(), predictions: { 1: 'x', 2: 'y' } });
    await expect(scoring).rejects.toMatchObject({ code: 'JUDGE_REQUIRED' });
    expect(findBenchmark('llavabench')).toMatchObject({ agreement: 'judge', judging: { role: 'grade' } });
  });

  it('sees every answer but no failed sample', async () => {
    const model = new JudgingModel((prompt) => (prompt.includes('What is it?') ? 'good' : '0.5'));
    const report = await scoreBenchmark({
      benchmark: await mmvet(),
      predictions: { 1: 'x = -1', 2: 'dog' },
      judge: judgeOf(model),
    });
    expect(report).toMatchObject({
      headline: { value: 25 },
      scored: 2,
      unmatched: 1,
      matching: { judged: 2, asked: 6 },
    });
    const part = await scoreBenchmark({
      benchmark: await mmvet(),
      predictions: { 1: 'x = -1' },
      judge: judgeOf(model),
    });
    expect(part).toMatchObject({ headline: { value: 50 }, scored: 1, missing: 1, isComplete: false });
  });

  it('compares with a reference answer under its own system prompt', async () => {
    const benchmark = await load(
      'LLaVABench',
      ['question', 'caption', 'gpt4_ans', 'category'],
      [
        ['1', 'a.png', 'Describe it.', 'A cat.', 'A cat sits.', 'conv'],
        ['2', 'b.png', 'Describe it.', 'A dog.', 'A dog sits.', 'detail'],
      ],
    );
    const model = new JudgingModel((prompt) => (prompt.includes('A cat.') ? '8 6\nFine.' : '8 8\nFine.'));
    const report = await scoreBenchmark({ benchmark, predictions: { 1: 'Cat', 2: 'Dog' }, judge: judgeOf(model) });
    expect(report.headline).toEqual({ name: 'Relative Score', value: 87.5, best: 100 });
    expect(model.asked[0]).toMatchObject({
      messages: [{ role: 'system' }, { role: 'user' }],
      options: { temperature: 0.2 },
    });
  });
});

describe('a judge that fails', () => {
  const failing = (error: Error): JudgingModel =>
    new JudgingModel(() => {
      throw error;
    });

  it('stops the scoring instead of lowering the score', async () => {
    const benchmark = await shapes();
    const model = failing(Object.assign(new Error('gone'), { code: 'PROVIDER_UNREACHABLE', isRetryable: true }));
    const scoring = scoreBenchmark({ benchmark, predictions: { 1: 'round' }, judge: judgeOf(model) });
    await expect(scoring).rejects.toMatchObject({
      code: 'JUDGE_FAILED',
      message: 'The judge tester does not answer: gone',
    });
    expect(model.asked).toHaveLength(3);
  });

  it('may refuse a question, which then stays unmatched', async () => {
    const benchmark = await shapes();
    const model = failing(Object.assign(new Error('no'), { code: 'PROVIDER_FILTERED', isRetryable: false }));
    const judge = judgeOf(model);
    const report = await scoreBenchmark({ benchmark, predictions: { 1: 'round', 2: 'B', 3: 'B' }, judge });
    expect(report).toMatchObject({ unmatched: 1, headline: { value: (2 / 3) * 100 } });
    expect(judge.counts).toMatchObject({ refused: 3 });
  });

  it('ends at the signal', async () => {
    const benchmark = await shapes();
    const controller = new AbortController();
    const model = new JudgingModel(() => {
      controller.abort('enough');
      throw new Error('stopped');
    });
    const scoring = scoreBenchmark({
      benchmark,
      predictions: { 1: 'round' },
      judge: judgeOf(model),
      signal: controller.signal,
    });
    await expect(scoring).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });
});
