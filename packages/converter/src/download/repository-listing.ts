import type { ListFileEntry } from '@huggingface/hub';
import { PocketlensError } from '../errors.js';
import { preview } from '../json.js';
import { DownloadError } from './errors.js';
import type { HubClient } from './hub-client.js';
import { checkRemoteFile, type RemoteFile } from './remote-file.js';
import { isCommit } from './repository-name.js';

const MAX_FILES = 100_000;

interface Place {
  readonly client: HubClient;
  readonly endpoint: string;
  readonly repository: string;
}

/**
 * The commit that a branch or tag stands for now.
 *
 * @throws {DownloadError} `REPOSITORY_NOT_FOUND`, `REVISION_NOT_FOUND`, `REPOSITORY_GATED`, `NETWORK_UNREACHABLE`, ...
 */
export async function resolveCommit({ client, endpoint, repository }: Place, revision: string): Promise<string> {
  if (isCommit(revision)) return revision;
  const { modelInfo } = await import('@huggingface/hub');
  const ask = (): Promise<{ readonly sha?: unknown }> =>
    modelInfo({ name: repository, revision, hubUrl: endpoint, additionalFields: ['sha'], fetch: client.fetchApi });
  const { sha } = await understood(ask, endpoint);
  if (typeof sha === 'string' && isCommit(sha)) return sha;
  throw new DownloadError('DOWNLOAD_RESPONSE', `${new URL(endpoint).host} gives ${preview(sha)} as the commit`);
}

/**
 * All files of a commit.
 *
 * @throws {DownloadError} as `resolveCommit`
 * @throws {ModelFormatError} `MODEL_EXTERNAL_PATH` for a file name that leads out of the directory
 */
export async function listRepository(
  { client, endpoint, repository }: Place,
  commit: string,
): Promise<readonly RemoteFile[]> {
  const { listFiles } = await import('@huggingface/hub');
  const repo = { type: 'model', name: repository } as const;
  const list = async (): Promise<readonly RemoteFile[]> => {
    const files = new Map<string, RemoteFile>();
    const fetch = client.fetchApi;
    for await (const entry of listFiles({ repo, revision: commit, recursive: true, hubUrl: endpoint, fetch })) {
      if (entry.type !== 'file') continue;
      const file = remoteFile(entry);
      files.set(file.path, file);
      if (files.size > MAX_FILES) throw new DownloadError('DOWNLOAD_RESPONSE', `over ${MAX_FILES} files are listed`);
    }
    return [...files.values()];
  };
  return understood(list, endpoint);
}

function remoteFile({ path, size, oid, lfs, xetHash }: ListFileEntry): RemoteFile {
  // Large files stand in the listing with the hash of their pointer; `lfs` has that of the content.
  return checkRemoteFile({ path, size: lfs?.size ?? size, gitHash: oid, sha256: lfs?.oid, xetHash });
}

/** The library trusts the form of an answer, so that a strange one ends in a `TypeError` or `SyntaxError`. */
async function understood<T>(ask: () => Promise<T>, endpoint: string): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof PocketlensError) throw cause;
    throw new DownloadError('DOWNLOAD_RESPONSE', `${new URL(endpoint).host} does not answer as a hub does`, {
      cause,
      hint: 'Check the endpoint: it must be the base URL of a hub, such as https://huggingface.co.',
    });
  }
}
