import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';

import type { VisionLanguageModel } from '@pocketlens/runtime';

import { findBenchmark, loadBenchmark } from '../benchmarks/registry.js';
import { EvaluationError } from '../errors.js';
import type { AnsweringModel } from './answer-request.js';
import { readPredictions } from './predictions-file.js';
import { runBenchmark } from './run-benchmark.js';
import { scoreBenchmark } from './score-benchmark.js';

const READING = join(import.meta.dirname, '../../../../tools/golden/reading');
const TSV = join(import.meta.dirname, '../../../../tools/golden/evaluation/tsv');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocketlens-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Question = Parameters<AnsweringModel['generate']>;

/** A model of the interface that providers implement, answering by rule. */
class RuleModel implements AnsweringModel {
  readonly asked: Question[] = [];
  readonly #answer: (question: string, options: Question[1]) => string;

  constructor(answer: (question: string, options: Question[1]) => string) {
    this.#answer = answer;
  }

  generate(...question: Question): Promise<{ text: string }> {
    this.asked.push(question);
    const content = question[0][0]!.content;
    const parts = typeof content === 'string' ? [] : content;
    const text = parts.map((part) => (part.type === 'text' ? part.text : '<image>')).join('\n');
    return Promise.resolve({ text: this.#answer(text, question[1]) });
  }
}

async function read(file: string): Promise<{ index: string }[]> {
  const records = [];
  for await (const record of readPredictions(file)) records.push(record);
  return records;
}

let outputs = 0;
const newOutput = (): string => join(folder, `run-${(outputs += 1)}`, 'predictions.jsonl');

describe('a run', () => {
  it('takes the models of the runtime', () => {
    expectTypeOf<VisionLanguageModel>().toExtend<AnsweringModel>();
  });

  it('asks every question once, greedily for Reading, with pictures as bytes and a bounded answer', async () => {
    const benchmark = await loadBenchmark('reading', READING);
    const model = new RuleModel((text) => `answer to ${text}`);
    const output = newOutput();
    const seen: number[] = [];
    const summary = await runBenchmark({ benchmark, model, output, onProgress: ({ answered }) => seen.push(answered) });
    expect(summary).toEqual({ output, total: 54, answered: 54, resumed: 0, failed: 0, warnings: [] });
    expect(seen).toEqual(Array.from({ length: 54 }, (_, at) => at + 1));
    const [messages, options] = model.asked[0]!;
    expect(options).toMatchObject({
      beams: 1,
      repetitionPenalty: 1,
      imageMode: 'exact',
      maxNewTokens: Math.floor(57 * 1.5) + 20,
    });
    expect(messages).toHaveLength(1);
    expect(messages[0]!.content).toEqual([
      { type: 'image', image: expect.any(Uint8Array) as unknown },
      { type: 'text', text: 'Read the text.' },
    ]);
    expect((await read(output))[0]).toEqual({
      index: 'line-001-q1',
      benchmark: 'Reading',
      prediction: 'answer to <image>\nRead the text.',
    });
  });

  it('asks nothing again that has an answer', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const output = newOutput();
    await runBenchmark({ benchmark, model: new RuleModel(() => 'a'), output, limit: 10 });
    const model = new RuleModel(() => 'b');
    expect(await runBenchmark({ benchmark, model, output, limit: 12 })).toMatchObject({
      total: 12,
      resumed: 10,
      answered: 12,
    });
    expect(model.asked).toHaveLength(2);
  });

  it('loses and repeats nothing, wherever the file was cut off', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const whole = newOutput();
    const model = new RuleModel((text, { maxNewTokens }) => `${text} é ${maxNewTokens}`);
    await runBenchmark({ benchmark, model, output: whole, limit: 6 });
    const expected = await readFile(whole, 'utf8');
    const size = Buffer.byteLength(expected);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: size }), async (length) => {
        const output = newOutput();
        await runBenchmark({ benchmark, model, output, limit: 0 });
        await writeFile(output, expected);
        await truncate(output, length);
        await runBenchmark({ benchmark, model, output, limit: 6 });
        expect(await readFile(output, 'utf8')).toBe(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('records a failed sample as failed, goes on, and tries it again next time', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const output = newOutput();
    let calls = 0;
    const failing = new RuleModel(() => {
      calls += 1;
      if (calls === 2) throw new EvaluationError('DATASET_IMAGE', 'broken');
      return 'x';
    });
    expect(await runBenchmark({ benchmark, model: failing, output, limit: 4 })).toMatchObject({
      answered: 3,
      failed: 1,
    });
    const report = await scoreBenchmark({ benchmark, predictions: output, limit: 4 });
    expect(report).toMatchObject({ total: 4, scored: 3, failed: 1, missing: 0, isComplete: false });
    expect(report.samples).toHaveLength(3);
    expect(await read(output)).toContainEqual({
      index: 'line-002-q1',
      benchmark: 'Reading',
      error: { code: 'DATASET_IMAGE', message: 'broken' },
    });
    expect(await runBenchmark({ benchmark, model: new RuleModel(() => 'y'), output, limit: 4 })).toMatchObject({
      resumed: 3,
      answered: 4,
      failed: 0,
    });
    expect(await scoreBenchmark({ benchmark, predictions: output, limit: 4 })).toMatchObject({ scored: 4, failed: 0 });
  });

  it('stops at the signal and keeps what is done', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const controller = new AbortController();
    const output = newOutput();
    let calls = 0;
    const model = new RuleModel(() => {
      calls += 1;
      if (calls === 3) {
        controller.abort('enough');
        throw new Error('interrupted');
      }
      return 'x';
    });
    const run = runBenchmark({ benchmark, model, output, signal: controller.signal });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError', cause: 'enough' });
    expect(await read(output)).toHaveLength(2);
  });

  it('does not mix two benchmarks in one file', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const output = newOutput();
    await runBenchmark({ benchmark, model: new RuleModel(() => 'x'), output, limit: 1 });
    const other = await loadBenchmark('OCRBench', join(TSV, 'OCRBench.tsv'));
    const run = runBenchmark({ benchmark: other, model: new RuleModel(() => 'x'), output });
    await expect(run).rejects.toMatchObject({ code: 'PREDICTIONS_MISMATCH' });
  });

  it('sends the published settings and prompts for OCRBench', async () => {
    const benchmark = await loadBenchmark('OCRBench', join(TSV, 'OCRBench.tsv'));
    const model = new RuleModel(() => 'x');
    await runBenchmark({ benchmark, model, output: newOutput(), limit: 1 });
    expect(model.asked[0]![1]).toMatchObject({ beams: 3, repetitionPenalty: 1.2, maxNewTokens: 1024 });
    const greedy = new RuleModel(() => 'x');
    await runBenchmark({
      benchmark,
      model: greedy,
      output: newOutput(),
      limit: 1,
      promptStyle: 'default',
      generation: { beams: 1 },
    });
    expect(greedy.asked[0]![1]).toMatchObject({ beams: 1, maxNewTokens: 1024 });
    expect(greedy.asked[0]![0][0]!.content).toHaveLength(2);
  });
});

describe('scoring', () => {
  it('gives perfect answers a perfect score', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const predictions: Record<string, string> = {};
    for await (const sample of benchmark.dataset.samples()) predictions[sample.index] = sample.cells['answer']!;
    const report = await scoreBenchmark({ benchmark, predictions });
    expect(report).toMatchObject({
      total: 54,
      scored: 54,
      isComplete: true,
      headline: { name: 'CER', value: 0, best: 0 },
    });
    expect(report.table).toContainEqual(
      expect.objectContaining({ category: 'Overall', questions: 54, cer: 0, wer: 0, perfect: 1, exact: 1, number: 1 }),
    );
  });

  it('does not count a missing prediction as wrong', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const report = await scoreBenchmark({ benchmark, predictions: { 'line-002-q1': 'Our office is' } });
    expect(report).toMatchObject({ scored: 1, missing: 53, failed: 0, isComplete: false, headline: { value: 0 } });
  });

  it('reads numbers as the spreadsheet does when all predictions are numbers', async () => {
    const benchmark = {
      benchmark: findBenchmark('OCRBench'),
      dataset: (await loadBenchmark('OCRBench', join(TSV, 'OCRBench.tsv'))).dataset,
    };
    const zeros = await scoreBenchmark({ benchmark, predictions: { 14: '0123' } });
    expect(zeros.samples).toEqual([{ index: '14', details: { score: 0 } }]);
    const mixed = await scoreBenchmark({ benchmark, predictions: { 14: '0123', 15: 'x' } });
    expect(mixed.samples[0]).toEqual({ index: '14', details: { score: 1 } });
  });

  it('leaves an incomplete MMBench group out', async () => {
    const benchmark = await loadBenchmark('MMBench_DEV_EN', join(TSV, 'MMBench_DEV_EN.tsv'));
    const predictions = { 101: 'A', 1000101: 'D', 2000101: 'C' };
    const part = await scoreBenchmark({ benchmark, predictions });
    expect(part.table).toEqual([]);
    const whole = await scoreBenchmark({ benchmark, predictions: { ...predictions, 3000101: 'B' } });
    expect(whole.headline).toEqual({ name: 'Overall', value: 100, best: 100 });
  });

  it('names the line of a predictions file that is wrong', async () => {
    const benchmark = await loadBenchmark('Reading', READING);
    const predictions = newOutput();
    await runBenchmark({ benchmark, model: new RuleModel(() => 'x'), output: predictions, limit: 1 });
    await appendFile(predictions, '{"index": 1}\n');
    await expect(scoreBenchmark({ benchmark, predictions })).rejects.toMatchObject({
      code: 'PREDICTIONS_FORMAT',
      message: expect.stringContaining('line 2') as unknown,
    });
    await expect(scoreBenchmark({ benchmark, predictions: join(folder, 'absent') })).rejects.toMatchObject({
      code: 'PREDICTIONS_FORMAT',
    });
  });

  it('knows no benchmark by another name', async () => {
    await expect(loadBenchmark('OCRBanch', '.')).rejects.toMatchObject({ code: 'BENCHMARK_UNKNOWN' });
  });
});
