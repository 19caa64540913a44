import { readFile, stat } from 'node:fs/promises';
import { systemErrorCode } from '../errors.js';
import { isJsonObject } from '../json.js';
import type { CacheLayout } from './cache-layout.js';
import { checkRemoteFile, type RemoteFile } from './remote-file.js';
import { writeWhole } from './write-whole.js';

const FORMAT_VERSION = 1;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * The files of a commit as an earlier download has listed them; nothing when there is no such list or it is damaged.
 *
 * @source huggingface_hub, `_tree_cache.py`
 */
export async function readTree(layout: CacheLayout, commit: string): Promise<readonly RemoteFile[] | undefined> {
  const path = layout.tree(commit);
  let text;
  try {
    if ((await stat(path)).size > MAX_BYTES) return undefined;
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
  try {
    return parseTree(JSON.parse(text));
  } catch {
    // A listing is only a shortcut: a damaged one is as good as none.
    return undefined;
  }
}

function parseTree(tree: unknown): readonly RemoteFile[] | undefined {
  if (!isJsonObject(tree) || tree['format_version'] !== FORMAT_VERSION || !isJsonObject(tree['files']))
    return undefined;
  return Object.entries(tree['files']).map(([path, entry]) => {
    const facts = isJsonObject(entry) ? entry : {};
    return checkRemoteFile({
      path,
      size: facts['lfs_size'] ?? facts['size'],
      gitHash: facts['blob_id'],
      sha256: facts['lfs_sha256'] ?? undefined,
      xetHash: facts['xet_hash'],
    });
  });
}

/** Keeps the files of a commit, for use without a network and by Python. */
export async function writeTree(layout: CacheLayout, commit: string, files: readonly RemoteFile[]): Promise<void> {
  const entries = files
    .map(({ path, size, hash, kind, gitHash, xetHash }) => {
      const large = kind === 'sha256' ? { lfs_sha256: hash, lfs_size: size } : {};
      return [
        path,
        { size, blob_id: gitHash, ...large, ...(xetHash === undefined ? {} : { xet_hash: xetHash }) },
      ] as const;
    })
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const tree = { format_version: FORMAT_VERSION, files: Object.fromEntries(entries) };
  await writeWhole(layout.tree(commit), JSON.stringify(tree, undefined, 1));
}
