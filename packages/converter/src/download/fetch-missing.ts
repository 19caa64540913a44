import { stat } from 'node:fs/promises';
import { FileLock } from '@pocketlens/file-lock';
import type { CacheLayout } from './cache-layout.js';
import { type BlobJob, fetchBlob } from './fetch-blob.js';
import { linkIntoSnapshot } from './place-file.js';
import type { ProgressMeter } from './progress-meter.js';
import type { RemoteFile } from './remote-file.js';
import { pause } from './retry.js';

/** Who has brought a file into the cache: an earlier download, this one, or another process at the same time. */
export type FileSource = 'cache' | 'network' | 'other-process';

export interface FetchContext extends Pick<BlobJob, 'client' | 'layout' | 'retry'> {
  readonly commit: string;
  readonly concurrency: number;
  readonly meter: ProgressMeter;
  readonly urlOf: (file: RemoteFile) => URL;
  readonly signal: AbortSignal;
  /** Ends the other transfers when one has failed. */
  readonly stop: () => void;
  readonly onReceived: (bytes: number) => void;
}

/** Files with the same content are one blob. */
interface Job {
  readonly file: RemoteFile;
  readonly names: readonly RemoteFile[];
  readonly lock: FileLock;
  /** Bytes of it that another process had when last seen; nothing while nobody else has held it. */
  heldAt: number | undefined;
}

const POLL_MS = 200;

/**
 * Brings files into the cache, several at a time. A file that another process is fetching is left to it; this one takes
 * the next, and waits only when nothing else is left.
 */
export async function fetchMissing(
  context: FetchContext,
  files: readonly RemoteFile[],
): Promise<ReadonlyMap<string, FileSource>> {
  const queue = groupByContent(context.layout, files);
  const sources = new Map<string, FileSource>();
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const source = await tryJob(context, job);
      if (source !== undefined) {
        for (const { path } of job.names) sources.set(path, source);
        continue;
      }
      queue.push(job);
      if (queue.every(({ heldAt }) => heldAt !== undefined)) await pause(POLL_MS, context.signal);
    }
  };
  const worker = async (): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failure ??= { error };
      context.stop();
    }
  };
  await Promise.all(Array.from({ length: Math.min(context.concurrency, queue.length) }, worker));
  if (failure !== undefined) throw failure.error;
  return sources;
}

function groupByContent(layout: CacheLayout, files: readonly RemoteFile[]): Job[] {
  const groups = new Map<string, RemoteFile[]>();
  for (const file of files) groups.set(file.hash, [...(groups.get(file.hash) ?? []), file]);
  return [...groups.entries()].flatMap(([hash, names]) => {
    const file = names[0];
    return file === undefined ? [] : [{ file, names, lock: new FileLock(layout.lock(hash)), heldAt: undefined }];
  });
}

/** Nothing when another process holds the file. */
async function tryJob(context: FetchContext, job: Job): Promise<FileSource | undefined> {
  const { layout, meter } = context;
  const { file, lock } = job;
  let source: FileSource = 'other-process';
  if (!(await isWhole(layout, file))) {
    if (!(await lock.tryAcquire())) {
      await showOther(context, job);
      return undefined;
    }
    try {
      if (!(await isWhole(layout, file))) {
        await fetchBlob(blobJob(context, file));
        source = 'network';
      }
    } finally {
      await lock.release();
    }
  }
  for (const { path, size } of job.names) {
    await linkIntoSnapshot(layout.blob(file.hash), layout.file(context.commit, path));
    meter.finish(path, size);
  }
  return source;
}

function blobJob({ client, layout, retry, signal, meter, urlOf, onReceived }: FetchContext, file: RemoteFile): BlobJob {
  const onPosition = (position: number, received: number): void => {
    onReceived(received);
    meter.set(file.path, position, { moved: received });
  };
  return { client, layout, file, url: urlOf(file), retry, signal, onPosition };
}

/** Shows the progress of the process that has the file. */
async function showOther({ layout, meter }: FetchContext, job: Job): Promise<void> {
  const position = (await sizeOf(layout.incomplete(job.file.hash))) ?? job.heldAt ?? 0;
  const moved = job.heldAt === undefined ? 0 : Math.max(0, position - job.heldAt);
  job.heldAt = position;
  meter.set(job.file.path, Math.min(position, job.file.size), { moved, isShared: true });
}

/** Whether a blob is in the cache with its full length. */
export async function isWhole(layout: CacheLayout, { hash, size }: RemoteFile): Promise<boolean> {
  return (await sizeOf(layout.blob(hash))) === size;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
