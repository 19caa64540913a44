import type { CacheLayout } from './cache-layout.js';
import { DownloadError } from './errors.js';
import { type FileAnswer, type HubClient, normalizedEtag } from './hub-client.js';
import { PartialFile } from './partial-file.js';
import type { RemoteFile } from './remote-file.js';
import { type RetryPolicy, withRetries } from './retry.js';

/** One file to be brought into the cache. */
export interface BlobJob {
  readonly client: HubClient;
  readonly layout: CacheLayout;
  readonly file: RemoteFile;
  readonly url: URL;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal;
  /** Called with the number of bytes that are here, and how many of them have just come over the network. */
  readonly onPosition: (position: number, received: number) => void;
}

/**
 * Fetches what is missing of a file, checks the whole and puts it into the cache.
 *
 * Wrong content is fetched once more from its beginning before it is an error: what an earlier run left may be damaged.
 *
 * @throws {DownloadError} `DOWNLOAD_CHECKSUM`, `DOWNLOAD_SIZE`, `NETWORK_INTERRUPTED`, ...; a correct part is kept
 */
export async function fetchBlob(job: BlobJob): Promise<void> {
  const { layout, file, signal, client, retry, onPosition } = job;
  const partial = await PartialFile.open(layout, file, signal);
  try {
    onPosition(partial.length, 0);
    const position = (): number => partial.length;
    const receiveAll = (): Promise<void> =>
      withRetries(() => receive(job, partial), retry, { signal, position, isReachable: () => client.isReachable });
    await receiveAll();
    try {
      await partial.finish();
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      onPosition(0, 0);
      await receiveAll();
      await partial.finish();
    }
  } finally {
    await partial.close();
  }
}

/** One request: appends what comes, or throws with what has come kept. */
async function receive({ client, file, url, onPosition }: BlobJob, partial: PartialFile): Promise<void> {
  if (partial.length === file.size) return;
  const answer = await client.openFile(url, { from: partial.length, validator: partial.validator });
  try {
    await alignWith(answer, file, partial);
    for await (const bytes of answer.body) {
      if (partial.length + bytes.byteLength > file.size) {
        const received = partial.length + bytes.byteLength;
        await partial.restart();
        throw wrongSize(file, answer, `at least ${received}`);
      }
      await partial.write(bytes);
      onPosition(partial.length, bytes.byteLength);
    }
  } finally {
    await answer.close();
  }
  if (partial.length === file.size) return;
  throw new DownloadError(
    'NETWORK_INTERRUPTED',
    `${answer.host} ends ${file.path} after ${partial.length} of ${file.size} bytes`,
    { hint: 'Run the same command again: it goes on where it stopped.', isRetryable: true },
  );
}

/** Makes the part that is here and the answer that comes fit together. */
async function alignWith(answer: FileAnswer, file: RemoteFile, partial: PartialFile): Promise<void> {
  if (answer.linkedHash !== undefined && isOtherHash(answer.linkedHash, file)) {
    throw new DownloadError(
      'DOWNLOAD_CHECKSUM',
      `${file.path}: the listing says ${file.hash.slice(0, 12)}, the file is ${answer.linkedHash.slice(0, 12)}`,
    );
  }
  const etag = answer.headers.get('etag');
  const range = parseRange(answer.headers.get('content-range'));
  const continues = answer.status === 206 && range?.from === partial.length && isSameVersion(etag, partial.validator);
  if (!continues && partial.length > 0) await partial.restart();
  if (!continues && answer.status !== 200) {
    throw new DownloadError('NETWORK_INTERRUPTED', `${answer.host} cannot go on with ${file.path}: it starts over`, {
      isRetryable: true,
    });
  }
  const total = continues ? range?.total : declaredLength(answer.headers);
  if (total !== undefined && total !== file.size) throw wrongSize(file, answer, String(total));
  await partial.setValidator(etag !== null && !etag.startsWith('W/') ? etag : undefined);
}

/** Whether a hash of the same kind says something else; other values are no hashes of content. */
function isOtherHash(linkedHash: string, { hash }: RemoteFile): boolean {
  return linkedHash.length === hash.length && /^[0-9a-f]+$/.test(linkedHash) && linkedHash !== hash;
}

function isSameVersion(etag: string | null, validator: string | undefined): boolean {
  return etag === null || validator === undefined || normalizedEtag(etag) === normalizedEtag(validator);
}

function parseRange(header: string | null): { readonly from: number; readonly total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  return { from: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) };
}

/** `Content-Length`, unless the body was compressed on the way. */
function declaredLength(headers: Headers): number | undefined {
  const length = headers.get('content-length');
  const isPlain = ['identity', null].includes(headers.get('content-encoding'));
  return isPlain && length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
}

function wrongSize({ path, size }: RemoteFile, { headers, host }: FileAnswer, received: string): DownloadError {
  const type = headers.get('content-type') ?? 'no content type';
  return new DownloadError(
    'DOWNLOAD_SIZE',
    `${path}: ${size} bytes expected, ${received} offered by ${host} (${type.slice(0, 80)})`,
    { hint: 'Something between here and the hub may answer in its place, such as a login page.' },
  );
}
