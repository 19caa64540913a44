import { constants, copyFile, link, lstat, mkdir, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { systemErrorCode } from '../errors.js';
import { temporaryName } from './write-whole.js';

/** How a name comes to its content; tests give one that cannot. */
export type MakeLink = (target: string, path: string) => Promise<void>;

/** What systems answer that have no such links, or not for this user. */
const NO_LINKS = new Set([
  'EPERM',
  'EACCES',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EINVAL',
  'UNKNOWN',
  'EXDEV',
  'EMLINK',
]);
/** People edit small files in place, which must not alter the cache. */
const COPIED_BYTES = 16 * 1024 * 1024;

/**
 * Gives a blob of the cache its name in a snapshot: by a relative symbolic link, as huggingface_hub does, or where there
 * are none by a hard link, or by a copy.
 */
export async function linkIntoSnapshot(
  blob: string,
  path: string,
  { makeSymlink = symlink, makeHardLink = link }: { makeSymlink?: MakeLink; makeHardLink?: MakeLink } = {},
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const source = relative(dirname(path), blob);
  // Nearly always the name is free, and a link is made in one step.
  if (await attempt(() => makeSymlink(source, path), new Set([...NO_LINKS, 'EEXIST']))) return;
  await replace(path, async (temporary) => {
    const isLinked =
      (await attempt(() => makeSymlink(source, temporary))) || (await attempt(() => makeHardLink(blob, temporary)));
    if (!isLinked) await copyFile(blob, temporary, constants.COPYFILE_FICLONE);
  });
}

/**
 * Puts a file of the cache into a directory of its own. Large files share their bytes with the cache where the file
 * system lets them.
 */
export async function placeInDirectory(cached: string, path: string): Promise<void> {
  const source = await realpath(cached);
  const { size, ino } = await stat(source, { bigint: true });
  const present = await lstat(path, { bigint: true }).catch(() => undefined);
  if (present?.ino === ino && present.size === size) return;
  await mkdir(dirname(path), { recursive: true });
  await replace(path, async (temporary) => {
    const isLinked = size > COPIED_BYTES && (await attempt(() => link(source, temporary)));
    if (!isLinked) await copyFile(source, temporary, constants.COPYFILE_FICLONE);
  });
}

/** Creates under a temporary name first, so that `path` is the old file or the new one at any moment. */
async function replace(path: string, create: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await create(temporary);
    await rename(temporary, path);
  } finally {
    // `rename` leaves the temporary name where both already are the same file.
    await rm(temporary, { force: true });
  }
}

async function attempt(make: () => Promise<void>, expected: ReadonlySet<string> = NO_LINKS): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (expected.has(systemErrorCode(error) ?? '')) return false;
    throw error;
  }
}
