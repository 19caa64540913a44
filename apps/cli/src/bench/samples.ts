import { performance } from 'node:perf_hooks';
import process from 'node:process';

/** How often something is measured. */
export interface SamplingOptions {
  /** Most measurements, after one that only warms up. */
  readonly rounds: number;
  /** No new measurement begins after this time; one is always made. */
  readonly budgetMs: number;
}

/** Medians over the measurements of one thing. */
export interface Samples {
  readonly rounds: number;
  readonly ms: number;
  /** Processor time of all threads: what a busy machine cannot stretch. */
  readonly cpuMs: number;
  readonly bestMs: number;
}

interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
}

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Time and processor time of one piece of work. */
export async function timed<T>(work: () => Promise<T>): Promise<Sample & { readonly value: T }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const value = await work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, value };
}

export function summarise(samples: readonly Sample[]): Samples {
  return {
    rounds: samples.length,
    ms: median(samples.map(({ ms }) => ms)),
    cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
    bestMs: Math.min(...samples.map(({ ms }) => ms)),
  };
}

/** Measures `work` again and again. The first run warms up and counts only when there is no time for another. */
export async function measure(work: () => Promise<void>, { rounds, budgetMs }: SamplingOptions): Promise<Samples> {
  const start = performance.now();
  const first = await timed(work);
  const samples: Sample[] = [];
  while (samples.length < rounds && performance.now() - start < budgetMs) samples.push(await timed(work));
  return summarise(samples.length === 0 ? [first] : samples);
}
