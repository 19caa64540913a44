import { mkdir, open, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { InvalidArgumentError, OutputError, systemErrorCode } from '../errors.js';
import { Journal } from './journal.js';
import { FileLock } from './lock.js';

export interface StagingOptions {
  /** Replace a target that is not empty. */
  readonly force: boolean;
  /** Files and directories that must survive the replacement. */
  readonly sources: readonly string[];
  /** What the work depends on: unfinished work with another fingerprint is thrown away. */
  readonly fingerprint: string;
  /** Throw unfinished work away in any case. */
  readonly isFresh: boolean;
}

/**
 * A directory that becomes visible under its final name only when it is complete.
 *
 * The work happens in a hidden sibling, `.{name}.partial`, so that the last step is one rename inside a file system. Its
 * journal lets a later run go on where one ended; its lock, beside it, keeps other processes out meanwhile.
 */
export class StagingDirectory {
  /** Where the files are written meanwhile. */
  readonly path: string;
  readonly journal: Journal;
  /** The hidden sibling: files, journal and, for a moment, the replaced target. */
  readonly root: string;
  readonly #target: string;
  readonly #force: boolean;
  readonly #lock: FileLock;

  private constructor(target: string, force: boolean, work: { readonly journal: Journal; readonly lock: FileLock }) {
    this.root = stagingRoot(target);
    this.path = join(this.root, 'model');
    this.journal = work.journal;
    this.#target = target;
    this.#force = force;
    this.#lock = work.lock;
  }

  /**
   * Opens the hidden sibling: with the work of an interrupted run of the same fingerprint, or empty.
   *
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when the target is a file, not empty without `force`, or holds the
   *   source
   * @throws {OutputError} `OUTPUT_UNWRITABLE`, `OUTPUT_LOCKED`
   */
  static async open(target: string, options: StagingOptions): Promise<StagingDirectory> {
    const finalPath = resolve(target);
    await checkTarget(finalPath, options.force, options.sources);
    const root = stagingRoot(finalPath);
    const lock = await lockStaging(root);
    try {
      await restorePrevious(root, finalPath);
      await checkTarget(finalPath, options.force, options.sources);
      const journal = await openJournal(root, options);
      return new StagingDirectory(finalPath, options.force, { journal, lock });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * Gives the directory its final name.
   *
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when, without `force`, somebody has filled the target meanwhile
   * @throws {OutputError} `OUTPUT_LOCKED` when another process has taken the work over
   */
  async commit(): Promise<void> {
    await syncDirectory(this.path);
    await this.#lock.assertHeld();
    const previous = join(this.root, 'previous');
    const isReplacing = await moveAway(this.#target, previous, this.#force);
    try {
      await rename(this.path, this.#target);
    } catch (error) {
      if (isReplacing) await rename(previous, this.#target);
      // The file system decides between two runs that end at the same moment.
      const code = systemErrorCode(error);
      if (!this.#force && (code === 'ENOTEMPTY' || code === 'EEXIST')) throw notEmpty(this.#target);
      throw error;
    }
    await syncDirectory(dirname(this.#target));
    await this.discard();
  }

  /** Leaves the work to a later run. */
  async keep(): Promise<void> {
    await this.journal.close();
    await this.#lock.release();
  }

  /** Removes the hidden directory and all in it. */
  async discard(): Promise<void> {
    await this.journal.close();
    await rm(this.root, { recursive: true, force: true });
    await this.#lock.release();
  }
}

function stagingRoot(target: string): string {
  return join(dirname(target), `.${basename(target)}.partial`);
}

async function lockStaging(root: string): Promise<FileLock> {
  const parent = dirname(root);
  try {
    await mkdir(parent, { recursive: true });
    return await FileLock.acquire(`${root}.lock`);
  } catch (cause) {
    if (cause instanceof OutputError) throw cause;
    throw new OutputError('OUTPUT_UNWRITABLE', `cannot create a directory in ${parent}`, { cause });
  }
}

/** A run that ended between the two renames of a replacement has left the old target here. */
async function restorePrevious(root: string, target: string): Promise<void> {
  const previous = join(root, 'previous');
  if ((await listDirectory(previous)) === undefined) return;
  if ((await listDirectory(target)) === undefined) await rename(previous, target);
  else await rm(previous, { recursive: true, force: true });
}

async function openJournal(root: string, { fingerprint, isFresh }: StagingOptions): Promise<Journal> {
  const path = join(root, 'journal.jsonl');
  try {
    const resumed = isFresh ? undefined : await Journal.resume(path, fingerprint);
    if (resumed === undefined) await rm(root, { recursive: true, force: true });
    await mkdir(join(root, 'model'), { recursive: true });
    return resumed ?? (await Journal.create(path, fingerprint));
  } catch (cause) {
    throw new OutputError('OUTPUT_UNWRITABLE', `cannot create a directory in ${dirname(root)}`, { cause });
  }
}

async function checkTarget(target: string, force: boolean, sources: readonly string[]): Promise<void> {
  const entries = await listDirectory(target);
  if (entries === undefined || entries.length === 0) return;
  if (!force) throw notEmpty(target);
  for (const source of sources) {
    const path = relative(await realpath(target), await realpath(source));
    const isInside = path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
    if (!isInside) continue;
    throw new InvalidArgumentError('ARGUMENT_RANGE', `${target} holds the source ${source}: it cannot be replaced`);
  }
}

function notEmpty(target: string): InvalidArgumentError {
  return new InvalidArgumentError('ARGUMENT_RANGE', `${target} exists and is not empty: it was not touched`, {
    hint: 'Choose another target, or replace it with --force (force: true).',
  });
}

async function listDirectory(path: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') {
      throw new InvalidArgumentError('ARGUMENT_RANGE', `${path} is a file or lies below one; a directory is expected`, {
        cause: error,
      });
    }
    throw error;
  }
}

/**
 * Moves an existing directory out of the way, with `force` only; an empty one is removed. Says whether there is something
 * to restore.
 */
async function moveAway(target: string, previous: string, force: boolean): Promise<boolean> {
  const entries = await listDirectory(target);
  if (entries === undefined) return false;
  if (entries.length === 0) {
    await rmdir(target);
    return false;
  }
  if (!force) throw notEmpty(target);
  await rename(target, previous);
  return true;
}

/** Flushes a directory's entries; systems that cannot open directories do it on their own. */
async function syncDirectory(path: string): Promise<void> {
  let handle;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EINVAL', 'EACCES'].includes(systemErrorCode(error) ?? '')) throw error;
  } finally {
    await handle?.close();
  }
}
