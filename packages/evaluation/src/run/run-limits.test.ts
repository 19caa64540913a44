import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { loadBenchmark, type LoadedBenchmark } from '../benchmarks/registry.js';
import type { AnsweringModel } from './answer-request.js';
import type { RunProgress } from './collect-answers.js';
import { lockOutput } from './output-lock.js';
import { openPredictions } from './prediction-set.js';
import { PredictionsWriter, readPredictions } from './predictions-file.js';
import { runBenchmark } from './run-benchmark.js';
import { scoreBenchmark } from './score-benchmark.js';
import { selectSamples } from './select-samples.js';

let folder: string;
let reading: LoadedBenchmark;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocketlens-limits-'));
  reading = await loadBenchmark('Reading', join(import.meta.dirname, '../../../../tools/golden/reading'));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
const newFile = (): string => join(folder, `file-${(files += 1)}.jsonl`);
const answering = (generate: (signal: AbortSignal) => Promise<string>): AnsweringModel => ({
  generate: async (_, { signal }) => ({ text: await generate(signal!) }),
});

async function indicesIn(file: string): Promise<string[]> {
  const indices: string[] = [];
  for await (const { index } of readPredictions(file)) indices.push(index);
  return indices;
}

describe('an output', () => {
  it('belongs to one run at a time', async () => {
    const output = newFile();
    const asked: string[] = [];
    const model = answering(async () => {
      asked.push('one');
      await delay(1);
      return 'x';
    });
    const runs = [0, 1, 2].map(() => runBenchmark({ benchmark: reading, model, output, limit: 20 }));
    const outcomes = await Promise.allSettled(runs);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find((outcome) => outcome.status === 'rejected')?.reason).toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringContaining(`process ${process.pid} on`) as unknown,
      details: { pid: process.pid, output },
    });
    expect(asked).toHaveLength(20);
    expect(await indicesIn(output)).toHaveLength(20);
    expect(await runBenchmark({ benchmark: reading, model, output, limit: 21 })).toMatchObject({ resumed: 20 });
  });

  it('is refused to a run that does not hold the lock that somebody else has', async () => {
    const output = newFile();
    const lock = await lockOutput(output);
    const model = answering(() => Promise.resolve('x'));
    await expect(runBenchmark({ benchmark: reading, model, output })).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    expect(await runBenchmark({ benchmark: reading, model, output, lock, limit: 1 })).toMatchObject({ answered: 1 });
    await lock.release();
  });
});

describe('a run with many samples at once', () => {
  it('asks as many as allowed, each once', async () => {
    let running = 0;
    let most = 0;
    const model = answering(async () => {
      most = Math.max(most, (running += 1));
      // The first ones wait for each other, so that a busy machine changes nothing.
      await vi.waitUntil(() => most >= 7, { timeout: 30_000, interval: 1 });
      await delay(Math.random() * 5);
      running -= 1;
      return 'x';
    });
    const output = newFile();
    const summary = await runBenchmark({ benchmark: reading, model, output, concurrency: 7 });
    expect(summary).toMatchObject({ total: 54, answered: 54 });
    expect(most).toBe(7);
    expect(new Set(await indicesIn(output)).size).toBe(54);
    expect(await indicesIn(output)).toHaveLength(54);
  });

  it('tells its rate, what is left and the score so far, earlier runs included', async () => {
    const output = newFile();
    const events: RunProgress[] = [];
    const run = { benchmark: reading, model: answering(() => Promise.resolve('x')), output };
    await runBenchmark({ ...run, limit: 10 });
    await runBenchmark({ ...run, limit: 20, onProgress: (event) => events.push(event) });
    expect(events.map(({ answered }) => answered)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    expect(events.at(-1)).toMatchObject({ failed: 0, total: 20, remainingMs: 0 });
    expect(events.every(({ samplesPerMinute }) => samplesPerMinute > 0)).toBe(true);
    const after = await scoreBenchmark({ benchmark: reading, predictions: output, limit: 11 });
    expect(events[0]!.score).toEqual(after.headline);
  });
});

describe('a sample that fails', () => {
  const passing = (): Error => Object.assign(new Error('busy'), { code: 'BUSY', isRetryable: true });
  const retries = { maxRetries: 2, firstDelayMs: 1 };

  it('is tried again when the reason may pass', async () => {
    let calls = 0;
    const model = answering(async () => {
      calls += 1;
      if (calls < 3) throw passing();
      return 'x';
    });
    expect(await runBenchmark({ benchmark: reading, model, output: newFile(), limit: 1, retries })).toMatchObject({
      answered: 1,
    });
    expect(calls).toBe(3);
  });

  it('is recorded as failed when it does not pass, and scored nowhere', async () => {
    const output = newFile();
    let calls = 0;
    const model = answering(async () => {
      calls += 1;
      if (calls <= 3) throw passing();
      return 'x';
    });
    expect(await runBenchmark({ benchmark: reading, model, output, limit: 3, retries })).toMatchObject({
      failed: 1,
      answered: 2,
    });
    const report = await scoreBenchmark({ benchmark: reading, predictions: output, limit: 3 });
    expect(report).toMatchObject({ scored: 2, failed: 1, isComplete: false });
  });

  it('has only so much time, even if the model does not listen', async () => {
    const output = newFile();
    const signals: AbortSignal[] = [];
    const model = answering((signal) => {
      signals.push(signal);
      return signals.length === 1 ? new Promise<string>(() => {}) : Promise.resolve('x');
    });
    const summary = await runBenchmark({ benchmark: reading, model, output, limit: 2, sampleTimeoutMs: 40 });
    expect(summary).toMatchObject({ failed: 1, answered: 1 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(JSON.parse((await readFile(output, 'utf8')).split('\n')[0]!)).toMatchObject({
      error: { code: 'SAMPLE_TIMEOUT', message: 'Expected an answer within 0.04 s, got none.' },
    });
  });

  it('like all others ends the run: the server is gone', async () => {
    const output = newFile();
    const model = answering(() => Promise.reject(new Error('gone')));
    const run = { benchmark: reading, model, output, mostFailuresInARow: 5 };
    await expect(runBenchmark(run)).rejects.toMatchObject({ code: 'RUN_STOPPED' });
    expect(await indicesIn(output)).toHaveLength(5);
    const recovered = { ...run, model: answering(() => Promise.resolve('x')) };
    expect(await runBenchmark(recovered)).toMatchObject({ answered: 54, resumed: 0, failed: 0 });
  });
});

describe('a random choice of samples', () => {
  const chosen = async (benchmark: LoadedBenchmark, limit: number, sampleSeed: number): Promise<string[]> => {
    const indices: string[] = [];
    const selected = await selectSamples(benchmark, { limit, sampleSeed });
    for await (const { index } of selected.samples()) indices.push(index);
    expect(indices).toHaveLength(selected.count);
    return indices;
  };

  it('is the same for the same seed, in the order of the data', async () => {
    const all = await chosen(reading, 54, 0);
    expect(await chosen(reading, 10, 7)).toEqual(await chosen(reading, 10, 7));
    const drawn = await chosen(reading, 10, 7);
    expect(drawn).not.toEqual(all.slice(0, 10));
    expect(drawn).toEqual(all.filter((index) => drawn.includes(index)));
    const output = newFile();
    const selection = { limit: 10, sampleSeed: 7 };
    await runBenchmark({ benchmark: reading, model: answering(() => Promise.resolve('x')), output, ...selection });
    expect(await indicesIn(output)).toEqual(drawn);
    expect(await scoreBenchmark({ benchmark: reading, predictions: output, ...selection })).toMatchObject({
      total: 10,
      scored: 10,
    });
  });

  it('keeps together what only counts together', async () => {
    const file = join(folder, 'MMBench.tsv');
    const rows = Array.from({ length: 40 }, (_, at) => [
      (at % 10) + Math.floor(at / 10) * 1_000_000,
      'a.png',
      '?',
      'x',
      'y',
      'A',
    ]);
    await writeFile(
      file,
      ['index\timage_path\tquestion\tA\tB\tanswer', ...rows.map((row) => row.join('\t')), ''].join('\n'),
    );
    const benchmark = await loadBenchmark('MMBench_DEV_EN', file);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(), async (limit, seed) => {
        const groups = new Map<number, number>();
        for (const index of await chosen(benchmark, limit, seed)) {
          const base = Number(index) % 1_000_000;
          groups.set(base, (groups.get(base) ?? 0) + 1);
        }
        expect([...groups.values()].every((size) => size === 4)).toBe(true);
        expect(groups.size).toBe(Math.floor(limit / 4));
      }),
      { numRuns: 20 },
    );
  });
});

describe('predictions', () => {
  it('are found in any order, the last answer of each', async () => {
    const record = fc.record({
      index: fc.integer({ min: 0, max: 8 }).map(String),
      text: fc.option(fc.string({ unit: 'grapheme' })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(record),
        fc.shuffledSubarray(['0', '1', '2', '3', '4', '5', '6', '7', '8']),
        async (records, order) => {
          const file = newFile();
          const writer = await PredictionsWriter.open(file);
          await Promise.all(
            records.map(({ index, text }) =>
              writer.append({
                index,
                ...(text === null ? { error: { code: 'X', message: '' } } : { prediction: text }),
              }),
            ),
          );
          await writer.close();
          const set = await openPredictions(file, { benchmark: 'Reading', isStoredAsSpreadsheet: false });
          const reader = set.reader();
          for (const index of order) {
            const own = records.filter((one) => one.index === index);
            const answer = own.findLast(({ text }) => text !== null)?.text;
            const found = await reader.find(index);
            if (answer === undefined) expect(typeof found).toBe(own.length > 0 ? 'symbol' : 'undefined');
            else expect(found).toBe(answer);
          }
          await reader.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('may hold line separators that are none in JSON', async () => {
    const predictions = newFile();
    await writeFile(
      predictions,
      '{"index": "a", "prediction": "one\u2028two\u0085three"}\r\n{"index": "b", "prediction": "x"}',
    );
    const records = [];
    for await (const one of readPredictions(predictions)) records.push(one);
    expect(records).toEqual([
      { index: 'a', prediction: 'one\u2028two\u0085three' },
      { index: 'b', prediction: 'x' },
    ]);
  });
});
