import { lstat, opendir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { CliIo } from '../io.js';

/** A folder where files are kept between runs. */
export interface CacheFolder {
  readonly what: string;
  readonly directory: string;
  /** Bytes of all files in it; `null` when it does not exist yet. */
  readonly bytes: number | null;
}

/** @source huggingface_hub, `constants.py` */
function hubCache(env: CliIo['env']): string {
  const base = env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
  const home = env['HF_HOME'] || path.join(base, 'huggingface');
  return env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || path.join(home, 'hub');
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
  const directory = hubCache(env);
  const exists = (await lstat(directory).catch(() => undefined)) !== undefined;
  return [{ what: 'Hugging Face models', directory, bytes: exists ? await folderBytes(directory, signal) : null }];
}
