import { describe, expect, it } from 'vitest';
import { type DownloadProgress, ProgressMeter } from './progress-meter.js';

function meter(): {
  readonly meter: ProgressMeter;
  readonly seen: DownloadProgress[];
  readonly wait: (ms: number) => void;
} {
  const seen: DownloadProgress[] = [];
  let time = 0;
  const files = [{ size: 1000 }, { size: 3000 }];
  return {
    seen,
    wait: (ms) => void (time += ms),
    meter: new ProgressMeter(
      files,
      (event) => seen.push(event),
      () => time,
    ),
  };
}

describe('ProgressMeter', () => {
  it('tells the rate of what moves, without what was here before, and the time left', () => {
    const { meter: progress, seen, wait } = meter();
    progress.set('b', 2000);
    expect(seen.at(-1)).toMatchObject({ bytesDone: 2000, bytesTotal: 4000, bytesPerSecond: 0, secondsLeft: undefined });
    wait(1000);
    progress.set('b', 2500, { moved: 500 });
    expect(seen.at(-1)).toMatchObject({ bytesDone: 2500, bytesPerSecond: 500, secondsLeft: 3 });
    wait(1000);
    progress.finish('a', 1000);
    expect(seen.at(-1)).toMatchObject({
      file: 'a',
      bytesDone: 3500,
      filesDone: 1,
      bytesPerSecond: 250,
      secondsLeft: 2,
    });
  });

  it('looks at the last seconds only', () => {
    const { meter: progress, seen, wait } = meter();
    for (let second = 0; second <= 20; second += 1) {
      const moved = second <= 10 ? 100 : 10;
      progress.set('b', second, { moved });
      wait(1000);
    }
    expect(seen.at(-1)?.bytesPerSecond).toBe(10);
  });

  it('goes back when a file starts over, and does not report every piece', () => {
    const { meter: progress, seen, wait } = meter();
    progress.set('b', 2000, { moved: 2000 });
    for (let piece = 0; piece < 50; piece += 1) progress.set('b', 2000 + piece, { moved: 1 });
    expect(seen).toHaveLength(1);
    wait(200);
    progress.set('b', 0);
    expect(seen.at(-1)).toMatchObject({ bytesDone: 0 });
  });
});
