import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { throwIfAborted } from '../errors.js';
import type { RemoteFile } from './remote-file.js';

/** The hash by which the hub names a file's content, to be fed with that content. */
export function contentHash({ kind, size }: Pick<RemoteFile, 'kind' | 'size'>): Hash {
  if (kind === 'sha256') return createHash('sha256');
  // What git calls the hash of a blob covers a header too.
  return createHash('sha1').update(`blob ${size}\0`);
}

/** Feeds a file from the disk to a hash. */
export async function hashFile(path: string, hash: Hash, signal?: AbortSignal): Promise<void> {
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  for await (const chunk of stream) {
    throwIfAborted(signal);
    hash.update(chunk as Buffer);
  }
}

/** Whether a file on the disk has the content that its name in the cache says. */
export async function hasContent(path: string, file: RemoteFile, signal?: AbortSignal): Promise<boolean> {
  const hash = contentHash(file);
  await hashFile(path, hash, signal);
  return hash.digest('hex') === file.hash;
}
