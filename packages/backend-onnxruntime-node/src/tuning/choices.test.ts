import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNKS, threadLadder } from './candidates.js';
import { compare } from './compare.js';
import { parsePhysicalCores } from './physical-cores.js';

const processor = (chip: number, core: number): string =>
  `processor\t: 0\nphysical id\t: ${chip}\nsiblings\t: 4\ncore id\t\t: ${core}\ncpu cores\t: 2\n`;

describe('physical cores', () => {
  it('are counted once, whatever threads they have', () => {
    const twoThreadsEach = [processor(0, 0), processor(0, 1), processor(0, 0), processor(0, 1)].join('\n');
    expect(parsePhysicalCores(twoThreadsEach)).toBe(2);
    expect(parsePhysicalCores([processor(0, 0), processor(1, 0)].join('\n'))).toBe(2);
  });

  it('are not known where they have no numbers', () => {
    expect(parsePhysicalCores('processor\t: 0\nBogoMIPS\t: 48.00\nCPU part\t: 0xd0c\n')).toBeUndefined();
    expect(parsePhysicalCores('')).toBeUndefined();
  });
});

describe('candidates', () => {
  it('go up from one thread over all cores, the default among them', () => {
    expect(threadLadder({ physical: 8, available: 16, usual: 8 })).toEqual([1, 2, 4, 8, 16]);
    expect(threadLadder({ physical: 6, available: 12, usual: 8 })).toEqual([1, 2, 4, 6, 8, 12]);
    expect(threadLadder({ physical: 1, available: 1, usual: 1 })).toEqual([1]);
    const cores = fc.integer({ min: 1, max: 512 });
    fc.assert(
      fc.property(cores, cores, (available, most) => {
        const physical = Math.min(most, available);
        const usual = Math.min(available, 8);
        const ladder = threadLadder({ physical, available, usual });
        return (
          ladder.includes(usual) &&
          ladder.includes(physical) &&
          ladder[0] === 1 &&
          ladder.at(-1) === available &&
          ladder.every((threads, index) => index === 0 || threads > ladder[index - 1]!)
        );
      }),
    );
  });

  it('read the same number of positions in whole passes', () => {
    for (const chunk of CHUNKS) expect(Math.max(...CHUNKS) % chunk).toBe(0);
  });
});

describe('a comparison', () => {
  let clock = 0;
  const now = (): number => clock;
  const taking = (ms: () => number, log?: () => void) => async (): Promise<void> => {
    clock += ms();
    log?.();
  };
  const limits = { leastRounds: 5, mostRounds: 9, budgetMs: 1e6, now };

  it('measures in turn, and tells the ratio that a disturbance does not move', async () => {
    const order: string[] = [];
    let count = 0;
    const slow = taking(
      () => (count++ === 3 ? 5000 : 100),
      () => order.push('a'),
    );
    const fast = taking(
      () => 80,
      () => order.push('b'),
    );
    const [first, second] = await compare([slow, fast], undefined, limits);
    expect(first).toEqual({ ratio: 1, wins: 0 });
    expect(second).toEqual({ ratio: 0.8, wins: 1 });
    expect(order.join('')).toBe('ab'.repeat(10));
  });

  it('is not misled by a machine that becomes slower and slower', async () => {
    let speed = 1;
    const [, second] = await compare(
      [taking(() => 100 * (speed *= 1.5)), taking(() => 200 * speed)],
      undefined,
      limits,
    );
    expect(second).toEqual({ ratio: 2, wins: 0 });
  });

  it('makes the least number of rounds, and no more when the time is over', async () => {
    let runs = 0;
    const work = taking(
      () => 400,
      () => runs++,
    );
    await compare([work], undefined, { ...limits, budgetMs: 10 });
    expect(runs).toBe(6);
    runs = 0;
    await compare([work], undefined, { ...limits, budgetMs: 7 * 400 });
    expect(runs).toBe(7);
  });

  it('ends between two pieces of work when the signal fires', async () => {
    const controller = new AbortController();
    let runs = 0;
    const work = taking(
      () => 1,
      () => ++runs === 4 && controller.abort(new Error('enough')),
    );
    await expect(compare([work, work], controller.signal, limits)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(runs).toBe(4);
  });
});
