import { expect, test } from 'vitest';
import { PaceMeter } from './progress.js';

test('the pace of even work, and the time that is left', () => {
  let time = 1000;
  const meter = new PaceMeter(() => time);
  expect(meter.measure(0, 1000)).toEqual({});
  time += 100;
  expect(meter.measure(10, 990), 'too early to tell').toEqual({});
  for (let step = 2; step <= 300; step++) {
    time += 100;
    const { bytesPerSecond, secondsLeft } = meter.measure(step * 10, 5000 - step * 10);
    if (step < 5) continue;
    expect(bytesPerSecond).toBeCloseTo(100, 6);
    expect(secondsLeft).toBeCloseTo((5000 - step * 10) / 100, 6);
  }
});

test('work that becomes slower is measured by its last ten seconds', () => {
  let time = 0;
  const meter = new PaceMeter(() => time);
  let bytes = 0;
  for (let step = 0; step < 200; step++) {
    time += 100;
    meter.measure((bytes += 100), 0);
  }
  for (let step = 0; step < 110; step++) {
    time += 100;
    meter.measure((bytes += 1), 0);
  }
  expect(meter.measure(bytes, 100).bytesPerSecond).toBeCloseTo(10, 0);
});

test('work that stands still has no pace', () => {
  let time = 0;
  const meter = new PaceMeter(() => time);
  time += 60_000;
  expect(meter.measure(0, 10)).toEqual({});
});
