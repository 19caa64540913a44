import { stat, statfs } from 'node:fs/promises';
import type { CacheLayout } from './cache-layout.js';
import { DownloadError } from './errors.js';
import type { RemoteFile } from './remote-file.js';

/**
 * Refuses a download that does not fit, before its first byte.
 *
 * @throws {DownloadError} `DISK_FULL`
 */
export async function checkSpace(layout: CacheLayout, files: readonly RemoteFile[]): Promise<void> {
  let needed = 0;
  for (const { hash, size } of files) {
    const present = await stat(layout.incomplete(hash)).catch(() => undefined);
    needed += Math.max(0, size - (present?.size ?? 0));
  }
  const { bavail, bsize } = await statfs(layout.blobs);
  const free = bavail * bsize;
  if (needed <= free) return;
  throw new DownloadError('DISK_FULL', `${needed} bytes are still to come, ${free} are free in ${layout.folder}`, {
    hint: 'Make room, or choose another place with --cache (cacheDirectory) or HF_HUB_CACHE.',
    details: { needed, free },
  });
}
