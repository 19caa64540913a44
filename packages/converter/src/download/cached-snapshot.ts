import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { systemErrorCode } from '../errors.js';
import { resolveInside } from '../paths.js';
import { CacheLayout } from './cache-layout.js';
import { type Environment, hubSettings } from './hub-settings.js';
import { checkRepository, checkRevision, isCommit } from './repository-name.js';
import { readTree } from './tree-cache.js';

export interface CachedFile {
  /** Relative to the directory, with `/`. */
  readonly path: string;
  readonly size: number;
}

/** A revision of a repository as far as it is on this machine. */
export interface CachedSnapshot {
  /** Holds the files under their own names. */
  readonly directory: string;
  readonly commit: string;
  readonly files: readonly CachedFile[];
  /** Files of the repository that are not here; nothing when their list is not known. */
  readonly missing: readonly string[] | undefined;
}

export interface CachedSnapshotOptions {
  /** `org/name` */
  readonly repository: string;
  /** Branch, tag or commit; default `main`. */
  readonly revision?: string;
  /** Default: as the environment says, `~/.cache/huggingface/hub`. */
  readonly cacheDirectory?: string;
  /** Default: `process.env`. */
  readonly env?: Environment;
}

/**
 * Looks into the Hugging Face cache, without a network: what Pocketlens, Python or another program has downloaded.
 *
 * @returns nothing when no file of that revision is here
 * @throws {InvalidArgumentError} `ARGUMENT_TYPE` for a name or revision that cannot be one
 */
export async function cachedSnapshot({
  repository,
  revision = 'main',
  env,
  cacheDirectory = hubSettings(env).cacheDirectory,
}: CachedSnapshotOptions): Promise<CachedSnapshot | undefined> {
  checkRepository(repository);
  checkRevision(revision);
  const layout = new CacheLayout(cacheDirectory, repository);
  const commit = isCommit(revision) ? revision : await readReference(layout, revision);
  if (commit === undefined) return undefined;
  const directory = layout.snapshot(commit);
  const files = await listFiles(directory);
  if (files.length === 0) return undefined;
  const here = new Map(files.map(({ path, size }) => [path, size]));
  const tree = await readTree(layout, commit);
  const missing = tree?.filter(({ path, size }) => here.get(path) !== size).map(({ path }) => path);
  return { directory, commit, files, missing };
}

async function readReference(layout: CacheLayout, revision: string): Promise<string | undefined> {
  try {
    const commit = (await readFile(layout.reference(revision), 'utf8')).trim();
    return isCommit(commit) ? commit : undefined;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

async function listFiles(directory: string): Promise<readonly CachedFile[]> {
  const names = await readdir(directory, { recursive: true }).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return [];
    throw error;
  });
  const files: CachedFile[] = [];
  for (const name of names.sort()) {
    // A link whose blob is gone is no file.
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found?.isFile() === true) files.push({ path: name.split(sep).join('/'), size: found.size });
  }
  return files;
}

/** The size of a cached file; nothing when it is not there. */
export async function cachedSize(directory: string, path: string): Promise<number | undefined> {
  const found = await stat(resolveInside(directory, path)).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}
