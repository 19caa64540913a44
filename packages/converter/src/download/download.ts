import { mkdir, rm } from 'node:fs/promises';
import { PocketlensError, systemErrorCode, throwIfAborted } from '../errors.js';
import { preview } from '../json.js';
import { resolveInside } from '../paths.js';
import { CacheLayout } from './cache-layout.js';
import { cachedSize, cachedSnapshot } from './cached-snapshot.js';
import { hasContent } from './content-hash.js';
import { checkSpace } from './disk-space.js';
import { DownloadError } from './errors.js';
import { fetchMissing, type FileSource, isWhole } from './fetch-missing.js';
import { selectFiles } from './file-filter.js';
import { HubClient } from './hub-client.js';
import { type DownloadOptions, type DownloadRequest, resolveOptions } from './options.js';
import { linkIntoSnapshot, placeInDirectory } from './place-file.js';
import { ProgressMeter } from './progress-meter.js';
import type { RemoteFile } from './remote-file.js';
import { listRepository, resolveCommit } from './repository-listing.js';
import { isCommit } from './repository-name.js';
import { readTree, writeTree } from './tree-cache.js';
import { writeWhole } from './write-whole.js';

export interface DownloadedFile {
  /** Relative to the directory, with `/`. */
  readonly path: string;
  readonly size: number;
  readonly source: FileSource;
}

export interface DownloadResult {
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  /** Holds the files under their own names: the snapshot in the cache, or `target`. */
  readonly directory: string;
  readonly files: readonly DownloadedFile[];
  /** What came over the network, this time and for this process. */
  readonly bytesReceived: number;
}

/**
 * Brings the files of a model repository to this machine, into the Hugging Face cache that other programs use too.
 *
 * Goes on where an earlier download was cut off, asks only for what is missing, and checks every file that it fetches.
 * Several processes may download the same repository at the same time: each byte is fetched once.
 *
 * @throws {DownloadError} `NETWORK_UNREACHABLE`, `NETWORK_INTERRUPTED`, `NETWORK_STALLED`, `REPOSITORY_NOT_FOUND`,
 *   `REPOSITORY_GATED`, `REVISION_NOT_FOUND`, `TOKEN_REJECTED`, `DOWNLOAD_FILE_UNKNOWN`, `DOWNLOAD_HTTP`,
 *   `DOWNLOAD_RESPONSE`, `DOWNLOAD_SIZE`, `DOWNLOAD_CHECKSUM`, `DOWNLOAD_URL_BLOCKED`, `DOWNLOAD_OFFLINE`, `DISK_FULL`,
 *   `CACHE_UNWRITABLE`
 * @throws {ModelFormatError} `MODEL_EXTERNAL_PATH` when the server lists a name that leads out of the directory
 * @throws {InvalidArgumentError} `ARGUMENT_TYPE`, `ARGUMENT_RANGE`
 * @throws {AbortError} `ABORTED`; what has arrived is kept
 */
export async function download(options: DownloadOptions): Promise<DownloadResult> {
  const { signal } = options;
  throwIfAborted(signal);
  const request = await resolveOptions(options);
  throwIfAborted(signal);
  const stopper = new AbortController();
  const stop = (): void => stopper.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const transfer = { signal: stopper.signal, stop };
    const found = request.isOffline ? await fromCache(request) : await fromHub(request, transfer);
    if (request.target === undefined) return found;
    for (const { path } of found.files) {
      throwIfAborted(signal);
      await placeInDirectory(resolveInside(found.directory, path), resolveInside(request.target, path));
    }
    return { ...found, directory: request.target };
  } catch (error) {
    throwIfAborted(signal);
    throw storageFailure(error, request.cacheDirectory);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

interface Transfer {
  readonly signal: AbortSignal;
  readonly stop: () => void;
}

async function fromHub(request: DownloadRequest, { signal, stop }: Transfer): Promise<DownloadResult> {
  const { repository, revision, baseUrl, selection, retry, concurrency, verify } = request;
  const client = new HubClient({ ...request, signal });
  const layout = new CacheLayout(request.cacheDirectory, repository);
  const place = { client, endpoint: baseUrl, repository };
  const commit = await resolveCommit(place, revision);
  const known = await readTree(layout, commit);
  const all = known ?? (await listRepository(place, commit));
  const wanted = selectFiles(all, selection, repository);
  const meter = new ProgressMeter(wanted, request.onProgress);
  const missing = await findMissing({ verify, signal }, layout, commit, wanted, meter);
  if (missing.length > 0) {
    await mkdir(layout.blobs, { recursive: true });
    await checkSpace(layout, missing);
  }
  if (known === undefined) await orReadOnly(missing, () => writeTree(layout, commit, all));
  let bytesReceived = 0;
  const urlOf = ({ path }: RemoteFile): URL => fileUrl(baseUrl, repository, commit, path);
  const onReceived = (bytes: number): void => void (bytesReceived += bytes);
  const context = { client, layout, retry, commit, concurrency, meter, urlOf, signal, stop, onReceived };
  const sources = await fetchMissing(context, missing);
  if (!isCommit(revision)) await orReadOnly(missing, () => writeWhole(layout.reference(revision), commit));
  const files = wanted.map(({ path, size }) => ({ path, size, source: sources.get(path) ?? ('cache' as const) }));
  return { repository, revision, commit, directory: layout.snapshot(commit), files, bytesReceived };
}

/** The files whose bytes are not here. Those whose bytes are here under another name get theirs. */
async function findMissing(
  { verify, signal }: { readonly verify: boolean; readonly signal: AbortSignal },
  layout: CacheLayout,
  commit: string,
  wanted: readonly RemoteFile[],
  meter: ProgressMeter,
): Promise<readonly RemoteFile[]> {
  const missing: RemoteFile[] = [];
  for (const file of wanted) {
    const path = layout.file(commit, file.path);
    const blob = layout.blob(file.hash);
    const isNamed = (await cachedSize(layout.snapshot(commit), file.path)) === file.size;
    const isHere = isNamed || (await isWhole(layout, file));
    if (!isHere) missing.push(file);
    else if (verify && !(await hasContent(isNamed ? path : blob, file, signal))) {
      await rm(blob, { force: true });
      missing.push(file);
    } else {
      if (!isNamed) await linkIntoSnapshot(blob, path);
      meter.finish(file.path, file.size);
    }
  }
  return missing;
}

/** Everything is here: then a cache that cannot be written is no reason to fail. */
async function orReadOnly(missing: readonly RemoteFile[], note: () => Promise<void>): Promise<void> {
  try {
    await note();
  } catch (error) {
    if (missing.length > 0) throw error;
  }
}

async function fromCache(request: DownloadRequest): Promise<DownloadResult> {
  const { repository, revision, cacheDirectory, selection } = request;
  const snapshot = await cachedSnapshot({ repository, revision, cacheDirectory });
  const hint = `Go online (unset HF_HUB_OFFLINE) and run \`pocketlens pull ${repository}\`; the embedded model needs no network.`;
  if (snapshot === undefined) {
    const what = `${repository} at ${preview(revision)}`;
    throw new DownloadError(
      'DOWNLOAD_OFFLINE',
      `${what} is not in ${cacheDirectory}, and the network is not to be used`,
      {
        hint,
      },
    );
  }
  const { commit, directory, files, missing } = snapshot;
  const absent = (missing ?? []).map((path) => ({ path, size: undefined }));
  const here = files.filter(({ path }) => missing?.includes(path) !== true);
  const wanted = selectFiles<{ path: string; size: number | undefined }>([...here, ...absent], selection, repository);
  const found = wanted.flatMap(({ path, size }) =>
    size === undefined ? [] : [{ path, size, source: 'cache' as const }],
  );
  if (found.length < wanted.length) {
    const names = wanted.flatMap(({ path, size }) => (size === undefined ? [path] : []));
    throw new DownloadError(
      'DOWNLOAD_OFFLINE',
      `${names.length} of ${wanted.length} files are not in the cache, and the network is not to be used`,
      { hint, details: { missing: names } },
    );
  }
  return { repository, revision, commit, directory, files: found, bytesReceived: 0 };
}

/** The address of a file's content. */
function fileUrl(baseUrl: string, repository: string, commit: string, path: string): URL {
  return new URL(`${baseUrl}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`);
}

function storageFailure(error: unknown, cacheDirectory: string): unknown {
  if (error instanceof PocketlensError) return error;
  switch (systemErrorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new DownloadError('DISK_FULL', `there is no space left in ${cacheDirectory}`, {
        cause: error,
        hint: 'Make room and run the same command again: it goes on where it stopped.',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
      return new DownloadError('CACHE_UNWRITABLE', `files cannot be written in ${cacheDirectory}`, {
        cause: error,
        hint: 'Choose another place with --cache (cacheDirectory) or HF_HUB_CACHE.',
      });
    default:
      return error;
  }
}
