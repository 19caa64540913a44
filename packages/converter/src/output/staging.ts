import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { InvalidArgumentError, OutputError, systemErrorCode } from '../errors.js';

/**
 * A directory that becomes visible under its final name only when it is complete.
 *
 * The work happens in a hidden sibling, so that the last step is one rename inside a file system.
 */
export class StagingDirectory {
  /** Where the files are written meanwhile. */
  readonly path: string;
  readonly #target: string;
  readonly #force: boolean;

  private constructor(path: string, target: string, force: boolean) {
    this.path = path;
    this.#target = target;
    this.#force = force;
  }

  /**
   * Creates the hidden sibling, and removes those that killed runs left behind.
   *
   * @param options.force - replace a target that is not empty
   * @param options.source - directory that must survive the replacement
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when the target is a file, not empty without `force`, or holds the
   *   source
   * @throws {OutputError} `OUTPUT_UNWRITABLE`
   */
  static async create(
    target: string,
    { force, source }: { readonly force: boolean; readonly source: string },
  ): Promise<StagingDirectory> {
    const finalPath = resolve(target);
    await checkTarget(finalPath, force, source);
    const parent = dirname(finalPath);
    const path = join(parent, `${stagingPrefix(finalPath)}${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      await mkdir(parent, { recursive: true });
      await removeLeftovers(finalPath);
      await mkdir(path);
    } catch (cause) {
      throw new OutputError('OUTPUT_UNWRITABLE', `cannot create a directory in ${parent}`, { cause });
    }
    return new StagingDirectory(path, finalPath, force);
  }

  /**
   * Gives the directory its final name.
   *
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when, without `force`, another run has filled the target meanwhile
   */
  async commit(): Promise<void> {
    await syncDirectory(this.path);
    const previous = `${this.path}-previous`;
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
    await rm(previous, { recursive: true, force: true });
  }

  /** Removes the hidden directory and all in it. */
  async discard(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

function stagingPrefix(target: string): string {
  return `.${basename(target)}.partial-`;
}

async function checkTarget(target: string, force: boolean, source: string): Promise<void> {
  const entries = await listDirectory(target);
  if (entries === undefined || entries.length === 0) return;
  if (!force) {
    throw notEmpty(target);
  }
  const path = relative(await realpath(target), await realpath(source));
  const isInside = path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
  if (isInside) {
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

/** Removes what killed runs left: unfinished directories, and replaced ones once the target stands. */
async function removeLeftovers(target: string): Promise<void> {
  const parent = dirname(target);
  const prefix = stagingPrefix(target);
  const names = await readdir(parent);
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const match = /^(\d+)-[0-9a-f]{8}(-previous)?$/.exec(name.slice(prefix.length));
    if (match === null || isRunning(Number(match[1]))) continue;
    if (match[2] === undefined || names.includes(basename(target))) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
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
