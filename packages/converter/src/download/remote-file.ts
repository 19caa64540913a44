import { resolveInside } from '../paths.js';
import { preview } from '../json.js';
import { DownloadError } from './errors.js';

/** A file of a repository at one commit. */
export interface RemoteFile {
  /** With `/`, checked to stay inside a directory. */
  readonly path: string;
  readonly size: number;
  /** Hash of the content: SHA-256 for large files, git's blob hash for the others. Names the blob in the cache. */
  readonly hash: string;
  readonly kind: 'sha256' | 'git';
  /** Git's hash of the entry; for large files that of the pointer. */
  readonly gitHash: string;
  readonly xetHash?: string;
}

/** What a listing says about a file, before it is believed. */
export interface RemoteFileFacts {
  readonly path: unknown;
  readonly size: unknown;
  readonly gitHash: unknown;
  readonly sha256: unknown;
  readonly xetHash: unknown;
}

const GIT_HASH = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const MAX_PATH = 1024;

/**
 * @throws {ModelFormatError} `MODEL_EXTERNAL_PATH` for a name that leads out of the directory
 * @throws {DownloadError} `DOWNLOAD_RESPONSE` for anything else that is no file
 */
export function checkRemoteFile({ path, size, gitHash, sha256, xetHash }: RemoteFileFacts): RemoteFile {
  if (typeof path !== 'string' || path.length > MAX_PATH || hasControlCharacter(path)) {
    throw new DownloadError('DOWNLOAD_RESPONSE', `the server lists a file with the name ${preview(path)}`);
  }
  resolveInside('.', path);
  const hash = sha256 ?? gitHash;
  const isHash = typeof hash === 'string' && (sha256 === undefined ? GIT_HASH : SHA256).test(hash);
  if (!isHash || typeof gitHash !== 'string' || !GIT_HASH.test(gitHash)) {
    throw new DownloadError('DOWNLOAD_RESPONSE', `the server gives ${preview(hash)} as the hash of ${preview(path)}`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new DownloadError('DOWNLOAD_RESPONSE', `the server gives ${preview(size)} as the size of ${preview(path)}`);
  }
  const kind = sha256 === undefined ? 'git' : 'sha256';
  const isXet = typeof xetHash === 'string' && SHA256.test(xetHash);
  return { path, size, hash, kind, gitHash, ...(isXet ? { xetHash } : {}) };
}

function hasControlCharacter(text: string): boolean {
  // A name is shown on terminals.
  return [...text].some((character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
  });
}
