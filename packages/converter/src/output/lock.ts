import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { OutputError, systemErrorCode } from '../errors.js';
import { isJsonObject } from '../json.js';

const HEARTBEAT_MS = 5000;
/** A lock of another machine without a sign of life for this long is stale. */
const REMOTE_STALE_MS = 120_000;
/** A lock without content is being written, or its writer died in between. */
const EMPTY_STALE_MS = 10_000;
const MAX_ATTEMPTS = 5;

interface Owner {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** Start of the process where the system tells it: numbers of processes are used again. */
  readonly start: string | null;
}

/** A file that says which process works on something. It outlives its process; a later one recognises and replaces it. */
export class FileLock {
  readonly #path: string;
  readonly #token: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string, token: string) {
    this.#path = path;
    this.#token = token;
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => undefined);
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /**
   * Takes the lock; that of a process which has ended counts for nothing.
   *
   * @throws {OutputError} `OUTPUT_LOCKED` when another process has it
   */
  static async acquire(path: string): Promise<FileLock> {
    const token = randomUUID();
    const own: Owner = { token, pid: process.pid, host: hostname(), start: await processStart(process.pid) };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        await writeFile(path, JSON.stringify(own), { flag: 'wx' });
        return new FileLock(path, token);
      } catch (error) {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
      const owner = await readOwner(path);
      if (owner === 'gone') continue;
      if (!(await isStale(path, owner))) throw locked(path, owner);
      await removeStale(path, owner?.token);
    }
    throw locked(path, undefined);
  }

  /** @throws {OutputError} `OUTPUT_LOCKED` when another process has taken the lock over */
  async assertHeld(): Promise<void> {
    const owner = await readOwner(this.#path);
    if (owner === 'gone' || owner?.token !== this.#token)
      throw locked(this.#path, owner === 'gone' ? undefined : owner);
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    const owner = await readOwner(this.#path);
    if (owner !== 'gone' && owner?.token === this.#token) await rm(this.#path, { force: true });
  }
}

function locked(path: string, owner: Owner | undefined): OutputError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new OutputError('OUTPUT_LOCKED', `${who} is writing the same target`, {
    hint: `Wait until it ends. If it does not run any more, remove ${path}.`,
    details: { lock: path, ...(owner === undefined ? {} : { pid: owner.pid, host: owner.host }) },
  });
}

async function readOwner(path: string): Promise<Owner | undefined | 'gone'> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    const { token, pid, host, start } = isJsonObject(value) ? value : {};
    if (typeof token !== 'string' || typeof pid !== 'number' || typeof host !== 'string') return undefined;
    return { token, pid, host, start: typeof start === 'string' ? start : null };
  } catch {
    return undefined;
  }
}

async function isStale(path: string, owner: Owner | undefined): Promise<boolean> {
  if (owner !== undefined && owner.host === hostname()) return !(await isRunning(owner));
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Infinity,
  );
  return age > (owner === undefined ? EMPTY_STALE_MS : REMOTE_STALE_MS);
}

async function isRunning({ pid, start }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) !== 'EPERM') return false;
  }
  const found = await processStart(pid);
  return start === null || found === null || start === found;
}

/** Start time of a process in clock ticks since the machine's start: field 22 of `/proc/PID/stat`; Linux only. */
async function processStart(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name in brackets, can hold blanks.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A process that has ended and that nobody has waited for.
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
    return fields[19] ?? null;
  } catch {
    return null;
  }
}

/** Moves the lock aside before it goes, so that a lock taken meanwhile is noticed and given back. */
async function removeStale(path: string, token: string | undefined): Promise<void> {
  const aside = `${path}-${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readOwner(aside);
  if (moved !== 'gone' && moved?.token !== token) await rename(aside, path);
  else await rm(aside, { force: true });
}
