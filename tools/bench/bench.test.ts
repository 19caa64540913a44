import { execFile } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

interface Sample {
  readonly peer: string;
  readonly round: number;
  readonly key: string;
  readonly value: number;
}

interface Row {
  readonly key: string;
  readonly reference?: string;
  readonly cells: readonly { readonly peer: string; readonly value: number; readonly ratio?: number }[];
}

interface Statistics {
  median(values: readonly (number | undefined)[]): number | undefined;
  compare(samples: readonly Sample[], references: readonly string[]): Row[];
}

const load = async <T>(file: string): Promise<T> =>
  (await import(/* @vite-ignore */ pathToFileURL(path.join(import.meta.dirname, 'src', file)).href)) as T;

const { compare, median } = await load<Statistics>('statistics.mjs');

async function bench(...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  return promisify(execFile)(process.execPath, [path.join(import.meta.dirname, 'bench.mjs'), ...args]).then(
    ({ stderr }) => ({ code: 0, stderr }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
  );
}

const sample = (peer: string, round: number, value: number, key = 'decode'): Sample => ({ peer, round, key, value });

describe('compare', () => {
  it('takes the median of the ratios within a round, not the ratio of the medians', () => {
    const samples = [
      sample('them', 0, 10),
      sample('them', 1, 100),
      sample('them', 2, 30),
      sample('ours', 0, 5),
      sample('ours', 1, 200),
      sample('ours', 2, 15),
    ];
    const [row] = compare(samples, ['them']);
    expect(row).toMatchObject({ key: 'decode', reference: 'them' });
    expect(row?.cells).toEqual([
      { peer: 'them', value: 30, ratio: 1, rounds: 3 },
      { peer: 'ours', value: 15, ratio: 2, rounds: 3 },
    ]);
  });

  it('compares with the first reference that has the measurement', () => {
    const samples = [
      sample('ours', 0, 4),
      sample('torch', 0, 8),
      sample('ours', 0, 2, 'x'),
      sample('llama', 0, 1, 'x'),
    ];
    const rows = compare(samples, ['llama', 'torch']);
    expect(rows.map(({ key, reference }) => [key, reference])).toEqual([
      ['decode', 'torch'],
      ['x', 'llama'],
    ]);
    expect(rows[1]?.cells[0]?.ratio).toBe(0.5);
  });

  it('leaves a ratio out where a round of one of the two is missing', () => {
    const [row] = compare([sample('ours', 0, 4), sample('them', 1, 8)], ['them']);
    expect(row?.cells.map(({ ratio }) => ratio)).toEqual([undefined, 1]);
  });

  it('has no ratio without any reference', () => {
    expect(compare([sample('ours', 0, 4)], ['them'])[0]?.cells[0]).toEqual({
      peer: 'ours',
      value: 4,
      ratio: undefined,
      rounds: 1,
    });
  });
});

describe('median', () => {
  it('passes over what was not measured', () => {
    expect(median([undefined, 3, 1, undefined])).toBe(2);
    expect(median([undefined])).toBeUndefined();
  });
});

interface Transcription {
  samplesOf(result: object, metric: string): Sample[];
  differingAnswers(results: readonly object[]): string[];
}

describe('transcription', async () => {
  const { differingAnswers, samplesOf } = await load<Transcription>('transcription.mjs');
  const answer = (name: string, text: string, tokens: number, ms: number): object => ({
    name,
    group: 'line',
    answer: text,
    tokens,
    ms,
    cpuMs: 2 * ms,
    draftedTokens: 0,
    acceptedTokens: 0,
  });
  const result = (peer: string, ...answers: object[]): object => ({ peer, round: 0, report: { answers } });

  it('counts the tokens after the first, over all pictures of a kind', () => {
    const run = result('plain', answer('a', 'x', 11, 30), answer('b', 'y', 6, 30), answer('c', '', 1, 99));
    expect(samplesOf(run, 'time')).toEqual([{ peer: 'plain', round: 0, key: 'line', value: 4 }]);
    expect(samplesOf(run, 'cpu')).toMatchObject([{ value: 8 }]);
    expect(samplesOf(result('plain', answer('c', '', 1, 99)), 'time')).toEqual([]);
  });

  it('tells where drafts changed an answer', () => {
    const plain = result('plain', answer('a', 'x', 1, 1), answer('b', 'y', 1, 1));
    expect(differingAnswers([plain, plain])).toEqual([]);
    expect(differingAnswers([plain, result('drafts', answer('b', 'z', 1, 1))])).toEqual(['b']);
  });
});

describe('preprocessing', async () => {
  const { comparePatches } = await load<{ comparePatches(results: readonly object[]): string[] }>('preprocessing.mjs');
  const result = (peer: string, digest: string): object => ({ peer, report: { results: [{ picture: 'a', digest }] } });

  it('says whose patches are those of the reference', () => {
    expect(comparePatches([result('pillow', 'x'), result('ours', 'x'), result('sharp-cubic', 'y')])).toEqual([
      'ours: the patches of the reference, bit for bit',
      'sharp-cubic: other patches of a',
    ]);
    expect(comparePatches([result('ours', 'x')])[0]).toContain('not compared');
  });
});

describe('wrong usage', () => {
  it.each([
    ['an unknown subject', ['speed'], 'unknown subject'],
    ['no model', ['runtime'], '--model'],
    ['an unknown option', ['runtime', '--modell', 'x'], '--modell'],
    ['no time', ['preprocessing', '--seconds', '0'], '--seconds'],
    ['no pictures', ['transcription', '--pictures', '0'], '--pictures'],
    ['no rounds', ['runtime', '--model', '.', '--rounds', '0'], '--rounds'],
    ['an unknown metric', ['runtime', '--model', '.', '--metric', 'luck'], '--metric'],
  ])('%s exits with 2', async (_, args, words) => {
    const { code, stderr } = await bench(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});
