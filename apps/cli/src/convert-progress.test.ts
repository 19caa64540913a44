import { describe, expect, it } from 'vitest';
import { createConversionProgress, describeProgress } from './convert-progress.js';
import { formatDuration } from './format.js';

const event = { file: 'a_data', bytesDone: 1_200_000_000, bytesTotal: 4_700_000_000, bytesResumed: 0 };

function screen(isTTY: boolean) {
  const written: string[] = [];
  let time = 0;
  const io = {
    stdin: { async *[Symbol.asyncIterator](): AsyncGenerator<string> {} },
    stdout: { write: () => expect.fail('nothing belongs on standard output'), once: () => {} },
    stderr: { write: (chunk: string | Uint8Array) => (written.push(String(chunk)), true), once: () => {}, isTTY },
    env: {},
    signal: new AbortController().signal,
  };
  const progress = createConversionProgress(io, () => time);
  return { written, progress, wait: (ms: number) => void (time += ms) };
}

describe('the progress of a conversion', () => {
  it('names bytes, rate and the time that is left', () => {
    expect(describeProgress({ ...event, bytesPerSecond: 85_000_000, secondsLeft: 41 })).toBe(
      '1.2 GB of 4.7 GB  85.0 MB/s  0:41 left  a_data',
    );
    expect(describeProgress(event)).toBe('1.2 GB of 4.7 GB  a_data');
  });

  it('is a plain line now and then where there is no terminal', () => {
    const { written, progress, wait } = screen(false);
    for (let second = 0; second < 25; second++) {
      progress.update(event);
      wait(1000);
    }
    progress.clear();
    expect(written).toEqual(Array(2).fill('25 %  1.2 GB of 4.7 GB  a_data\n'));
  });

  it('is one line that changes on a terminal', () => {
    const { written, progress, wait } = screen(true);
    for (let second = 0; second < 3; second++) {
      progress.update(event);
      wait(1000);
    }
    progress.clear();
    expect(written).toHaveLength(4);
    expect(written.join('')).not.toContain('\n');
  });

  it('says once that it goes on with earlier work', () => {
    const { written, progress } = screen(false);
    for (let i = 0; i < 3; i++) progress.update({ ...event, bytesResumed: 5 });
    expect(written).toEqual([expect.stringContaining('--no-resume')]);
  });
});

it.each([
  [0, '0:00'],
  [40.2, '0:41'],
  [725, '12:05'],
  [3723, '1:02:03'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
