import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1 } from '@pocketlens/backend';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { convertGolden } from '../../../backend-onnxruntime-node/test/golden.js';
import { openModel } from '../index.js';
import type { GenerateFromIdsOptions, GeneratedToken, VisionLanguageModel } from '../index.js';
import { searchBeams } from './beam-search.js';
import { dense } from './cached-sequence.js';
import { resolveGenerationOptions } from './options.js';

interface Case extends GenerateFromIdsOptions {
  readonly ids: readonly number[];
  readonly beams: number;
  readonly stopIds: readonly number[];
  readonly expected: readonly number[];
  readonly finishReason: 'stop' | 'length';
  /** Of the winning beam. */
  readonly score?: number;
  readonly logprobs?: never;
}

interface GreedyCase extends Omit<Case, 'logprobs'> {
  /** Of each expected token: its log-probability, and the best ids with theirs. */
  readonly logprobs: readonly { readonly logprob: number; readonly top: readonly [number, number][] }[];
}

const path = new URL('../../test/generation-cases.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { readonly cases: readonly (Case | GreedyCase)[] };
const isGreedy = (row: Case | GreedyCase): row is GreedyCase => row.logprobs !== undefined;

/** Absolute, of a log-probability; the data is rounded to six places. */
const TOLERANCE = 5e-5;

describe("transformers' answers", () => {
  let directory: string;
  let model: VisionLanguageModel;
  let backendModel: BackendModelV1;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ directory, remove } = await convertGolden());
    const backend = onnxruntimeNode({ threads: 1, worker: false });
    model = await openModel(directory, { backend });
    backendModel = await backend.loadModel(directory);
  });

  afterAll(async () => {
    await model.dispose();
    await backendModel.dispose();
    await remove();
  });

  const run = async (options: GenerateFromIdsOptions): Promise<{ tokens: GeneratedToken[]; finishReason: string }> => {
    const stream = model.streamFromIds(options);
    const tokens: GeneratedToken[] = [];
    for (;;) {
      const next = await stream.next();
      if (next.done === true) return { tokens, finishReason: next.value };
      tokens.push(next.value);
    }
  };

  it('are there for every kind of setting', () => {
    const beams = cases.filter((row) => !isGreedy(row));
    expect(new Set(beams.map(({ earlyStopping }) => earlyStopping))).toEqual(new Set([true, false, 'never']));
    expect(new Set(beams.map(({ lengthPenalty }) => lengthPenalty)).size).toBe(5);
    expect(beams.filter(({ finishReason }) => finishReason === 'stop').length).toBeGreaterThan(30);
    expect(cases.filter(isGreedy).length).toBeGreaterThan(10);
  });

  it.each([0, 20, 40, 60, 80])('of beam search come token for token, with their scores (from %i)', async (from) => {
    const some = cases.filter((each) => !isGreedy(each)).slice(from, from + 20);
    expect(some).toHaveLength(20);
    for (const { expected, finishReason, score, ...row } of some) {
      const sequence = backendModel.createSequence();
      const logits = dense(await sequence.append([{ ids: row.ids }])).data;
      const settings = resolveGenerationOptions(row);
      const stopIds = new Set(row.stopIds);
      const found = await searchBeams({ sequence, logits, settings, stopIds, maxNewTokens: row.maxNewTokens });
      expect(sequence.length).toBe(row.ids.length);
      sequence.dispose();
      const ids = found.tokens.map(({ id }) => id);
      expect({ ids, reason: found.finishReason }, JSON.stringify(row)).toEqual({ ids: expected, reason: finishReason });
      // A length penalty below 0 multiplies the sum, and its rounding with it.
      expect(Math.abs(found.score - score!), JSON.stringify(row)).toBeLessThan(TOLERANCE + 1e-5 * Math.abs(score!));
    }
  });

  it('of beam search come through the model too', async () => {
    const some = cases.filter((row) => !isGreedy(row)).filter((_, index) => index % 20 === 0);
    for (const { expected, finishReason, score: _, ...row } of some) {
      const { tokens, finishReason: reason } = await run(row);
      expect({ ids: tokens.map(({ id }) => id), reason }).toEqual({ ids: expected, reason: finishReason });
    }
  });

  it('of greedy search come token for token, with their log-probabilities', async () => {
    for (const { expected, finishReason, logprobs, ...row } of cases.filter(isGreedy)) {
      const { tokens, finishReason: reason } = await run({ ...row, logprobs: 5 });
      expect({ ids: tokens.map(({ id }) => id), reason }).toEqual({ ids: expected, reason: finishReason });
      for (const [index, { logprob, top }] of logprobs.entries()) {
        const told = tokens[index]!.logprobs!;
        expect(told.id).toBe(expected[index]);
        expect(Math.abs(told.logprob - logprob)).toBeLessThan(TOLERANCE);
        expect(told.top.map(({ id }) => id)).toEqual(top.map(([id]) => id));
        for (const [place, [, value]] of top.entries())
          expect(Math.abs(told.top[place]!.logprob - value)).toBeLessThan(TOLERANCE);
      }
    }
  });

  it('of beam search carry the log-probabilities that single steps have', async () => {
    const row = cases.filter((each) => !isGreedy(each)).find(({ expected }) => expected.length > 5)!;
    const { tokens } = await run({ ...row, logprobs: 3 });
    const ids = [...row.ids, ...tokens.map(({ id }) => id)];
    const logits = await model.forward({ ids });
    for (const [index, { id, logprobs }] of tokens.entries()) {
      const scores = logits.subarray((row.ids.length + index - 1) * 512, (row.ids.length + index) * 512);
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      expect(logprobs!.id).toBe(id);
      expect(Math.abs(logprobs!.logprob - (scores[id]! - Math.log(total)))).toBeLessThan(TOLERANCE);
      expect(logprobs!.top).toHaveLength(3);
    }
  });
});
