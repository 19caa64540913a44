import { lstat, opendir } from 'node:fs/promises';
import path from 'node:path';
import { defaultCacheDirectory } from '@pocketlens/backend-onnxruntime-node';
import { hubSettings } from '@pocketlens/converter';
import type { CliIo } from '../io.js';

/** A folder where files are kept between runs. */
export interface CacheFolder {
  readonly what: string;
  readonly directory: string;
  /** Bytes of all files in it; `null` when it does not exist yet. */
  readonly bytes: number | null;
}

/** Bytes of all files below a folder; links count as themselves, what cannot be read as nothing. */
export async function folderBytes(directory: string, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  const pending = [directory];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    signal.throwIfAborted();
    const entries = await opendir(folder).catch(() => undefined);
    if (entries === undefined) continue;
    for await (const entry of entries) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) pending.push(file);
      else bytes += (await lstat(file).catch(() => undefined))?.size ?? 0;
    }
  }
  return bytes;
}

/** The caches of this user, as the environment names them. */
export async function readCacheFolders({ env, signal }: Pick<CliIo, 'env' | 'signal'>): Promise<CacheFolder[]> {
  const folders = [
    { what: 'Hugging Face models', directory: hubSettings(env).cacheDirectory },
    { what: 'packed weights, measured settings', directory: defaultCacheDirectory(undefined, env) },
  ];
  const found: CacheFolder[] = [];
  for (const { what, directory } of folders) {
    const exists = (await lstat(directory).catch(() => undefined)) !== undefined;
    found.push({ what, directory, bytes: exists ? await folderBytes(directory, signal) : null });
  }
  return found;
}
