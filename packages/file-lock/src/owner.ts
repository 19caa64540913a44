import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { systemErrorCode } from './system-error.js';

/** The process that holds a lock. */
export interface LockOwner {
  readonly pid: number;
  /** When the process was started, where the system tells: process ids are used again. */
  readonly started: string;
  /** Where the pid means something: name of the host, its boot, its space of process ids. */
  readonly machine: string;
}

/** What a lock file says of its owner; undefined for a file that is not, or only half, written. */
export function parseOwner(content: string): LockOwner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, started, machine } = value as Readonly<Record<string, unknown>>;
  if (typeof pid !== 'number' || typeof started !== 'string' || typeof machine !== 'string') return undefined;
  return { pid, started, machine };
}

let own: Promise<LockOwner> | undefined;

export function thisProcess(): Promise<LockOwner> {
  own ??= (async () => ({
    pid: process.pid,
    started: await startOf(process.pid),
    machine: [hostname(), await bootId(), await readlink('/proc/self/ns/pid').catch(() => '')].join(' '),
  }))();
  return own;
}

/** Whether a process of this machine still runs: the same one, not another with its number. */
export async function isRunning({ pid, started }: LockOwner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) !== 'EPERM') return false;
  }
  return started === '' || (await startOf(pid)) === started;
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}

/** Start time of a process on Linux, in ticks since the start of the machine; elsewhere nothing. */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the command stands in parentheses and may hold blanks; the start is field 22 of proc(5).
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
