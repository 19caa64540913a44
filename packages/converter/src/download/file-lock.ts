import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, readlink, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { systemErrorCode } from '../errors.js';
import { isJsonObject } from '../json.js';

interface Owner {
  readonly pid: number;
  /** When the process was started, where the system tells: process ids are used again. */
  readonly started: string;
  /** Where the pid means something. */
  readonly machine: string;
}

const HEARTBEAT_MS = 5000;
/** A lock from another machine or container is dead when nobody has touched it for so long. */
const SILENCE_MS = 30_000;
/** Taking over is a matter of milliseconds. */
const TAKEOVER_MS = 10_000;

/**
 * A lock between processes: a file that exists while it is held.
 *
 * Locks of dead processes are taken over: at once on the same machine, elsewhere after 30 seconds without a heartbeat.
 */
export class FileLock {
  readonly #path: string;
  #content = '';
  #heartbeat: NodeJS.Timeout | undefined;
  /** The other's lock as last seen, and since when it has not changed by this machine's clock. */
  #seen: { readonly stamp: string; readonly since: number } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Whether the lock is ours now. Never waits for the owner. */
  async tryAcquire(): Promise<boolean> {
    if (await this.#create()) return true;
    const content = await readText(this.#path);
    if (content === undefined) return this.#create();
    if (!(await this.#isDead(content))) return false;
    await this.#removeDead(content);
    return this.#create();
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    if ((await readText(this.#path)) === this.#content) await rm(this.#path, { force: true });
  }

  async #create(): Promise<boolean> {
    this.#content = JSON.stringify({ ...(await thisProcess()), id: randomUUID() });
    await mkdir(dirname(this.#path), { recursive: true });
    if (!(await createFile(this.#path, this.#content))) return false;
    this.#heartbeat = setInterval(() => void touch(this.#path), HEARTBEAT_MS).unref();
    return true;
  }

  async #isDead(content: string): Promise<boolean> {
    const owner = parseOwner(content);
    if (owner !== undefined && owner.machine === (await thisProcess()).machine) return !(await isRunning(owner));
    const found = await stat(this.#path).catch(() => undefined);
    const stamp = `${content}@${found?.mtimeMs}`;
    if (this.#seen?.stamp !== stamp) this.#seen = { stamp, since: performance.now() };
    return performance.now() - this.#seen.since > SILENCE_MS;
  }

  /** Removes a dead lock, but never the one that another process has made meanwhile. */
  async #removeDead(content: string): Promise<void> {
    const guard = `${this.#path}.takeover`;
    if (!(await createFile(guard, ''))) {
      const found = await stat(guard).catch(() => undefined);
      if (found !== undefined && Date.now() - found.mtimeMs > TAKEOVER_MS) await rm(guard, { force: true });
      return;
    }
    try {
      if ((await readText(this.#path)) === content) await rm(this.#path, { force: true });
    } finally {
      await rm(guard, { force: true });
    }
  }
}

async function createFile(path: string, content: string): Promise<boolean> {
  let handle;
  try {
    handle = await open(path, 'wx');
    await handle.writeFile(content);
    return true;
  } catch (error) {
    if (handle === undefined && systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await handle?.close();
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  // Whoever has taken the lock over needs no heartbeat of ours.
  await utimes(path, now, now).catch(() => {});
}

function parseOwner(content: string): Owner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const { pid, started, machine } = value;
  if (typeof pid !== 'number' || typeof started !== 'string' || typeof machine !== 'string') return undefined;
  return { pid, started, machine };
}

let own: Promise<Owner> | undefined;

function thisProcess(): Promise<Owner> {
  own ??= (async () => ({
    pid: process.pid,
    started: await startOf(process.pid),
    machine: [hostname(), await bootId(), await readlink('/proc/self/ns/pid').catch(() => '')].join(' '),
  }))();
  return own;
}

async function isRunning({ pid, started }: Owner): Promise<boolean> {
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
