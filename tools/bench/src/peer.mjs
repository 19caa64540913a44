// What JavaScript peers share: options, timing, memory; the counterpart of python/measure.py.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { median } from './statistics.mjs';

const integers = (text) => (text === 'none' ? [] : text.split(',').map(Number));

export function readPeerOptions() {
  const text = (fallback) => ({ type: 'string', default: fallback });
  const { values } = parseArgs({
    options: {
      model: text(''),
      threads: text('1'),
      slices: text('none'),
      prefill: text('128'),
      decode: text('128'),
      'new-tokens': text('32'),
      rounds: text('5'),
      seconds: text('10'),
    },
  });
  return {
    model: values.model,
    threads: Number(values.threads),
    prefill: integers(values.prefill),
    decode: integers(values.decode).toSorted((a, b) => a - b),
    newTokens: Number(values['new-tokens']),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
  };
}

export async function timed(work) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000 };
}

/** Runs `work` once to warm up, then up to `count` times within `seconds`, at least once. */
export async function measure(work, { count, seconds }) {
  const first = await timed(work);
  const start = performance.now();
  const samples = [];
  while (samples.length < count && first.ms + performance.now() - start < seconds * 1000) {
    samples.push(await timed(work));
  }
  return summary(samples.length === 0 ? [first] : samples);
}

export function summary(samples) {
  return {
    rounds: samples.length,
    ms: median(samples.map(({ ms }) => ms)),
    cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
    bestMs: Math.min(...samples.map(({ ms }) => ms)),
  };
}

/** Most resident and anonymous memory of several looks, in bytes. */
export class MemoryWatch {
  most = { residentBytes: 0, anonymousBytes: 0 };

  look() {
    const rollup = readFileSync('/proc/self/smaps_rollup', 'latin1');
    const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)[1]) * 1024;
    const now = { residentBytes: field('Rss'), anonymousBytes: field('Anonymous') };
    for (const name of Object.keys(now)) this.most[name] = Math.max(this.most[name], now[name]);
    return now;
  }

  report(loaded) {
    const peak = process.resourceUsage().maxRSS * 1024;
    return { loaded, most: this.most, peakResidentBytes: Math.max(peak, this.most.residentBytes) };
  }
}

/** Repeatable ids. */
export function randomIds(count, vocabulary) {
  let state = count;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * Math.min(vocabulary, 128_000));
  });
}
