import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { loadBenchmark, runBenchmark, scoreBenchmark } from '@pocketlens/evaluation';
import { openModel, type VisionLanguageModel } from '@pocketlens/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden, root, temporaryFolder, type Folder } from './fixtures.js';

interface Question {
  readonly id: string;
  readonly category: string;
  readonly question: string;
}

interface Details {
  readonly isRight?: boolean;
  readonly characterErrors?: number;
  readonly characters?: number;
}

const reading = path.join(golden, 'reading');

describe('the embedded model', () => {
  let model: VisionLanguageModel;
  let folder: Folder;
  let questions: readonly Question[];
  let details: ReadonlyMap<string, Details>;

  beforeAll(async () => {
    model = await openModel('tiny');
    folder = await temporaryFolder();
    const output = path.join(folder.path, 'predictions.jsonl');
    const benchmark = await loadBenchmark('Reading', reading);
    await runBenchmark({ benchmark, model, output });
    const report = await scoreBenchmark({ benchmark, predictions: output });
    expect(report.isComplete).toBe(true);
    details = new Map(report.samples.map((sample) => [String(sample.index), sample.details as Details]));
    const lines = (await readFile(path.join(reading, 'answers.jsonl'), 'utf8')).trim().split('\n');
    questions = lines.map((line) => JSON.parse(line) as Question);
  });

  afterAll(async () => {
    await model?.dispose();
    await folder?.remove();
  });

  const chosen = (category: string, question: RegExp): readonly Details[] => {
    const found = questions.filter((row) => row.category === category && question.test(row.question));
    expect(found.length).toBeGreaterThan(0);
    return found.map(({ id }) => details.get(id)!);
  };

  it('reads the total of the example receipt', async () => {
    const content = [
      { type: 'image', image: path.join(root, 'examples', 'receipt.png') },
      { type: 'text', text: 'What is the total?' },
    ] as const;
    const { text, finishReason } = await model.generate([{ role: 'user', content }]);
    expect({ text, finishReason }).toEqual({ text: '22.95', finishReason: 'stop' });
  });

  // What its card says, with room for another processor's last bits: a change that reads worse than this has broken something.
  it.each([
    ['line', /^Read the text/, 0.15],
    ['wide', /^Read the text/, 0.1],
    ['paragraph', /^Read the text/, 0.14],
    ['tall', /^Read the text/, 0.6],
  ])('transcribes %s pictures as well as its card says', (category, question, most) => {
    const rows = chosen(category, question);
    const sum = (key: 'characterErrors' | 'characters'): number => rows.reduce((total, row) => total + row[key]!, 0);
    expect(sum('characterErrors') / sum('characters')).toBeLessThanOrEqual(most);
  });

  it.each([
    ['receipt', /total/, 0.25],
    ['receipt', /How much/, 0.5],
    ['shape', /^(What|Is)/, 0.75],
  ])('answers %s questions (%s) as well as its card says', (category, question, least) => {
    const rows = chosen(category, question);
    expect(rows.filter((row) => row.isRight).length / rows.length).toBeGreaterThanOrEqual(least);
  });
});
