import { InvalidArgumentError } from '../errors.js';
import type { FileSelection } from './file-filter.js';
import { type Environment, hubSettings, storedToken, withoutSlash } from './hub-settings.js';
import type { DownloadProgress } from './progress-meter.js';
import { checkRepository, checkRevision } from './repository-name.js';
import type { RetryPolicy } from './retry.js';
import { checkUrl, parseEndpoint } from './url-policy.js';

export interface DownloadOptions extends FileSelection {
  /** `org/name` */
  readonly repository: string;
  /** Branch, tag or commit; default `main`. */
  readonly revision?: string | undefined;
  /** Directory that the files are put into besides the cache; default: they stay in the cache. */
  readonly target?: string | undefined;
  /** Base URL of the hub; default `HF_ENDPOINT`, else https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Access token; default `HF_TOKEN`, else the one that `hf auth login` stored; `false` for none. */
  readonly token?: string | false | undefined;
  /** The folder with `models--org--name` folders; default `HF_HUB_CACHE`, else `~/.cache/huggingface/hub`. */
  readonly cacheDirectory?: string | undefined;
  /** Use only what is in the cache; default `HF_HUB_OFFLINE`. */
  readonly offline?: boolean | undefined;
  /** Read every cached file and compare its hash; default: sizes only. */
  readonly verify?: boolean | undefined;
  /** Allow plain http to hosts outside this network. */
  readonly allowHttp?: boolean | undefined;
  /** Files fetched at the same time, 1..16; default 4. */
  readonly concurrency?: number | undefined;
  /** Tries without any progress in between (default 5), and the first pause (default 1000 ms; doubled each time). */
  readonly retry?: { readonly attempts?: number; readonly delayMs?: number } | undefined;
  /** The longest time without a byte from the server; default 30,000 ms. */
  readonly stallMs?: number | undefined;
  /** Replaces the global `fetch`, for example to go through a proxy. It must leave redirections alone when asked to. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Where the `HF_` settings are read; default `process.env`. */
  readonly env?: Environment | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Checked options, with every default in its place. */
export interface DownloadRequest {
  readonly repository: string;
  readonly revision: string;
  readonly selection: FileSelection;
  readonly target: string | undefined;
  readonly endpoint: URL;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly token: string | undefined;
  readonly cacheDirectory: string;
  readonly isOffline: boolean;
  readonly verify: boolean;
  readonly allowHttp: boolean;
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  readonly stallMs: number;
  readonly fetch: typeof globalThis.fetch;
  readonly onProgress: (progress: DownloadProgress) => void;
}

/** @throws {InvalidArgumentError} `ARGUMENT_TYPE`, `ARGUMENT_RANGE` */
export async function resolveOptions(options: DownloadOptions): Promise<DownloadRequest> {
  const { repository, revision = 'main', target, allowHttp = false, verify = false, env = process.env } = options;
  const { files, include, exclude } = options;
  checkRepository(repository);
  checkRevision(revision);
  const settings = hubSettings(env);
  const baseUrl = withoutSlash(options.endpoint ?? settings.endpoint);
  const endpoint = parseEndpoint(baseUrl);
  const isOffline = options.offline ?? settings.isOffline;
  if (!isOffline) checkUrl(endpoint, { allowHttp });
  return {
    repository,
    revision,
    selection: { files, include, exclude },
    target,
    endpoint,
    baseUrl,
    token: isOffline ? undefined : await findToken(options.token, env),
    cacheDirectory: options.cacheDirectory ?? settings.cacheDirectory,
    isOffline,
    verify,
    allowHttp,
    concurrency: wholeNumber('concurrency', options.concurrency ?? 4, 1, 16),
    retry: {
      attempts: wholeNumber('retry.attempts', options.retry?.attempts ?? 5, 1, 100),
      delayMs: wholeNumber('retry.delayMs', options.retry?.delayMs ?? 1000, 0, 60_000),
      random: Math.random,
    },
    stallMs: wholeNumber('stallMs', options.stallMs ?? 30_000, 1, 3_600_000),
    fetch: options.fetch ?? globalThis.fetch,
    onProgress: options.onProgress ?? (() => {}),
  };
}

async function findToken(given: string | false | undefined, env: Environment): Promise<string | undefined> {
  const token = given === undefined ? await storedToken(env) : given || undefined;
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw new InvalidArgumentError('ARGUMENT_TYPE', 'the access token has characters that a token cannot have', {
    hint: 'Check HF_TOKEN; it must be the token alone.',
  });
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `${name} must be a whole number in ${min}..${max}, received ${value}`,
  );
}
