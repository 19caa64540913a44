import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning, type LockOwner, parseOwner, thisProcess } from './owner.js';
import { systemErrorCode } from './system-error.js';

export type { LockOwner };

const HEARTBEAT_MS = 5000;
/** A lock from another machine or container is dead when nobody has touched it for so long. */
const SILENCE_MS = 30_000;
/** Taking over is a matter of milliseconds. */
const TAKEOVER_MS = 10_000;
const POLL_MS = 250;

type Owner = 'alive' | 'dead' | 'unknown';

/**
 * A lock between processes: a file that exists while it is held, with the process that holds it inside.
 *
 * Locks of dead processes are taken over: at once on the same machine, elsewhere after 30 seconds without a heartbeat.
 */
export class FileLock {
  readonly #path: string;
  #content = '';
  #heartbeat: NodeJS.Timeout | undefined;
  /** The other's lock as last seen, and since when it has not changed by this machine's clock. */
  #seen: { readonly stamp: string; readonly since: number } | undefined;

  /** @param path - the file; its folder is made when it is needed */
  constructor(path: string) {
    this.#path = path;
  }

  /** Whether the lock is ours now. Never waits for the owner. */
  async tryAcquire(): Promise<boolean> {
    return (await this.#attempt()) === 'ours';
  }

  /**
   * Whether the lock is ours. Waits for no living owner; only where nothing but time can tell whether the owner lives, on
   * another machine, waits for its heartbeat, at most 30 seconds.
   *
   * @param signal - ends the waiting; its reason is thrown
   */
  async acquire(signal?: AbortSignal): Promise<boolean> {
    for (;;) {
      const outcome = await this.#attempt();
      if (outcome === 'ours') return true;
      if (outcome === 'alive') return false;
      signal?.throwIfAborted();
      await delay(POLL_MS, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
    }
  }

  /** Who holds the lock; undefined when nobody does. */
  async owner(): Promise<LockOwner | undefined> {
    const content = await readText(this.#path);
    return content === undefined ? undefined : parseOwner(content);
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    if ((await readText(this.#path)) === this.#content) await rm(this.#path, { force: true });
  }

  async #attempt(): Promise<'ours' | Owner> {
    if (await this.#create()) return 'ours';
    const content = await readText(this.#path);
    if (content !== undefined) {
      const owner = await this.#ownerState(content);
      if (owner !== 'dead') return owner;
      await this.#removeDead(content);
    }
    return (await this.#create()) ? 'ours' : 'unknown';
  }

  async #create(): Promise<boolean> {
    this.#content = JSON.stringify({ ...(await thisProcess()), id: randomUUID() });
    await mkdir(dirname(this.#path), { recursive: true });
    if (!(await createFile(this.#path, this.#content))) return false;
    this.#heartbeat = setInterval(() => void touch(this.#path), HEARTBEAT_MS).unref();
    return true;
  }

  async #ownerState(content: string): Promise<Owner> {
    const owner = parseOwner(content);
    if (owner !== undefined && owner.machine === (await thisProcess()).machine) {
      return (await isRunning(owner)) ? 'alive' : 'dead';
    }
    const found = await stat(this.#path).catch(() => undefined);
    const stamp = `${content}@${found?.mtimeMs}`;
    if (this.#seen?.stamp !== stamp) {
      const isHeartbeat = this.#seen?.stamp.startsWith(`${content}@`) === true;
      this.#seen = { stamp, since: performance.now() };
      return isHeartbeat ? 'alive' : 'unknown';
    }
    return performance.now() - this.#seen.since > SILENCE_MS ? 'dead' : 'unknown';
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
