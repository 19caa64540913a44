// What the machine is, and whether it is quiet enough to be measured.
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Share of all cores that other programs may use. */
const QUIET = 0.05;
const SAMPLE_MS = 2000;
const RETRY_MS = 10_000;

export function describeMachine() {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    system: `${os.platform()} ${os.arch()}, kernel ${os.release()}`,
    node: process.versions.node,
  };
}

async function cpuTicks() {
  const text = await readFile('/proc/stat', 'latin1').catch(() => undefined);
  if (text === undefined) return undefined;
  const [, ...ticks] = text.slice(0, text.indexOf('\n')).trim().split(/\s+/);
  // user, nice, system, idle, iowait, irq, softirq, steal
  const counted = ticks.slice(0, 8).map(Number);
  return { all: counted.reduce((sum, value) => sum + value, 0), idle: counted[3] + counted[4] };
}

/** Share of the cores that is in use now, 0..1; the load average where the system counts no ticks. */
export async function busyShare() {
  const before = await cpuTicks();
  if (before === undefined) return Math.min(1, os.loadavg()[0] / os.availableParallelism());
  await sleep(SAMPLE_MS);
  const after = await cpuTicks();
  return 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

/**
 * Waits until the machine is quiet; refuses when it does not become so, or goes on when `busy` says so.
 *
 * @throws AbortError as soon as `signal` is aborted
 */
export async function awaitQuiet({ wait, busy, signal }) {
  const end = Date.now() + wait * 1000;
  for (;;) {
    const share = await busyShare();
    signal?.throwIfAborted();
    if (share <= QUIET || busy) return share;
    if (Date.now() >= end) {
      throw new Error(`other programs use ${(share * 100).toFixed(0)} % of the cores: stop them, or give --busy`);
    }
    process.stderr.write(`waiting: other programs use ${(share * 100).toFixed(0)} % of the cores\n`);
    await sleep(Math.min(RETRY_MS, Math.max(0, end - Date.now())), undefined, { signal });
  }
}

/** The largest share of the cores that others used before a run. */
export const busiestShare = (results) => Math.max(0, ...results.map(({ busyShare }) => busyShare));
