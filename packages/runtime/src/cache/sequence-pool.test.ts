import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1, ImageFeatures } from '@pocketlens/backend';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import {
  convertGolden,
  goldenSlice,
  largestDifference,
  TOLERANCE,
} from '../../../backend-onnxruntime-node/test/golden.js';
import type { CachedSequence, PromptUnit } from '../generation/cached-sequence.js';
import { SequencePool } from './sequence-pool.js';

describe('SequencePool', () => {
  let model: BackendModelV1;
  let features: ImageFeatures;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    const golden = await convertGolden();
    remove = golden.remove;
    model = await onnxruntimeNode({ threads: 1, worker: false }).loadModel(golden.directory);
    features = await model.encodeImages([goldenSlice('wide'), goldenSlice('square')]);
  });

  afterAll(async () => {
    await model.dispose();
    await remove();
  });

  const poolOf = (sequences: number, positions = 1000): SequencePool =>
    new SequencePool(() => model.createSequence({ capacity: 200 }), { sequences, positions });
  const run = (length: number, first = 20): number[] => Array.from({ length }, (_, index) => first + (index % 400));

  async function leave(pool: SequencePool, units: readonly PromptUnit[]): Promise<CachedSequence> {
    const sequence = pool.acquire(units);
    await sequence.prefill(units);
    pool.release(sequence);
    return sequence;
  }

  it('gives the sequence with the longest common beginning, to one request at a time', async () => {
    const pool = poolOf(4);
    const prompts = [run(30), [...run(40), 7, 8], run(30, 300)];
    const sequences = prompts.map((prompt) => pool.acquire(prompt));
    for (const [index, sequence] of sequences.entries()) await sequence.prefill(prompts[index]!);
    for (const sequence of sequences) pool.release(sequence);
    const longer = sequences[1]!;
    const found = pool.acquire([...run(42), 9]);
    expect(found).toBe(longer);
    expect((await found.prefill([...run(42), 9])).reused).toBe(40);
    const second = pool.acquire([...run(42), 9]);
    expect(second).not.toBe(longer);
    expect(second.sharedLength([...run(42), 9])).toBe(30);
    expect(pool.stats()).toMatchObject({ sequences: 1, hits: 2, misses: 3 });
  });

  it('starts anew rather than giving up what a sequence holds for a short beginning', async () => {
    const pool = poolOf(4);
    await leave(pool, [...run(10), ...run(20, 300)]);
    expect(pool.acquire([...run(10), ...run(20, 350)]).sequence.length).toBe(0);
    expect(pool.stats()).toMatchObject({ sequences: 1, hits: 0 });
  });

  it('copies where most of what is held would be lost', async () => {
    const pool = poolOf(4);
    const held = await leave(pool, run(100));
    const units = [...run(20), ...run(5, 300)];
    const copy = pool.acquire(units);
    expect(copy).not.toBe(held);
    expect((await copy.prefill(units)).reused).toBe(20);
    expect((await held.prefill([...run(100), 7])).reused).toBe(100);
  });

  it('forgets the least recently used beyond its limits, by number and by positions', async () => {
    const pool = poolOf(2, 100);
    const first = await leave(pool, run(30, 100));
    const second = await leave(pool, run(30, 200));
    await leave(pool, [...run(30, 100), 5]);
    await leave(pool, run(30, 300));
    expect([first.isDisposed, second.isDisposed]).toEqual([false, true]);
    await leave(pool, run(80, 50));
    expect(first.isDisposed).toBe(true);
    expect(pool.stats()).toMatchObject({ sequences: 1, positions: 80 });
    const tooLong = await leave(pool, run(101, 10));
    expect(tooLong.isDisposed).toBe(true);
    expect(pool.stats()).toMatchObject({ sequences: 0, positions: 0 });
  });

  it('counts the room that a shortened sequence keeps', async () => {
    const pool = poolOf(2, 100);
    await leave(pool, run(60));
    await leave(pool, run(40));
    expect(pool.stats()).toMatchObject({ sequences: 1, positions: 60 });
  });

  it('keeps nothing after it is disposed, and takes no disposed sequence back', async () => {
    const pool = poolOf(2);
    const busy = pool.acquire([1]);
    const idle = await leave(pool, run(20));
    pool.dispose();
    expect([busy.isDisposed, idle.isDisposed]).toEqual([false, true]);
    pool.release(busy);
    pool.release(busy);
    expect(busy.isDisposed).toBe(true);
    expect(pool.stats().sequences).toBe(0);
  });

  it('stays as good as new when the work on a sequence is aborted', async () => {
    const pool = poolOf(2);
    await leave(pool, run(40));
    const controller = new AbortController();
    const units = [...run(40), ...run(150, 300)];
    const sequence = pool.acquire(units);
    const onProgress = (): void => controller.abort();
    await expect(sequence.prefill(units, { signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    pool.release(sequence);
    const again = pool.acquire(units);
    expect((await again.prefill(units)).reused).toBeGreaterThanOrEqual(40);
  });

  it('leads to the logits of a fresh sequence, whatever came before', async () => {
    const images: PromptUnit[] = [0, 1].map((slice) => ({ features, slice, identity: slice }));
    const beginnings = [run(40), [...run(20), images[0]!, ...run(5)], [...run(20), images[1]!, ...run(5)]];
    const units = fc
      .tuple(fc.nat(2), fc.integer({ min: 1, max: 45 }), fc.array(fc.integer({ min: 10, max: 511 }), { maxLength: 6 }))
      .map(([which, length, end]) => [...beginnings[which]!.slice(0, length), ...end]);
    let reusedPositions = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(units, { minLength: 2, maxLength: 6 }), async (requests) => {
        const pool = poolOf(2);
        for (const request of requests) {
          const sequence = pool.acquire(request);
          const { logits, reused } = await sequence.prefill(request);
          const fresh = poolOf(0).acquire(request);
          const expected = await fresh.prefill(request);
          expect(expected.reused).toBe(0);
          expect(largestDifference(logits, expected.logits)).toBeLessThan(TOLERANCE.logits);
          reusedPositions += reused;
          fresh.dispose();
          pool.release(sequence);
        }
        pool.dispose();
      }),
      { numRuns: 25 },
    );
    expect(reusedPositions).toBeGreaterThan(0);
  });
});
