import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where models come from and where they are kept. */
export interface HubSettings {
  /** Base URL of the hub, without a slash at the end. */
  readonly endpoint: string;
  /** The folder that holds `models--org--name` folders. */
  readonly cacheDirectory: string;
  /** Only the cache may be used. */
  readonly isOffline: boolean;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
const TRUE_WORDS = new Set(['1', 'ON', 'YES', 'TRUE']);

const isTrue = (value: string | undefined): boolean => TRUE_WORDS.has((value ?? '').toUpperCase());

/**
 * What the environment says, read as `huggingface_hub` reads it: `HF_ENDPOINT`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`,
 * `HF_HOME`, `XDG_CACHE_HOME`, `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`.
 *
 * @source huggingface_hub, `constants.py`
 */
export function hubSettings(env: Environment = process.env): HubSettings {
  return {
    endpoint: withoutSlash(env['HF_ENDPOINT'] || DEFAULT_ENDPOINT),
    cacheDirectory: expandHome(env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(hubHome(env), 'hub')),
    isOffline: isTrue(env['HF_HUB_OFFLINE']) || isTrue(env['TRANSFORMERS_OFFLINE']),
  };
}

/** The access token of the environment, or the one that `hf auth login` has stored. */
export async function storedToken(env: Environment): Promise<string | undefined> {
  const given = (env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'] || '').trim();
  if (given !== '') return given;
  if (isTrue(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined;
  try {
    const text = await readFile(expandHome(env['HF_TOKEN_PATH'] || join(hubHome(env), 'token')), 'utf8');
    return text.trim() || undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

export function withoutSlash(url: string): string {
  return url.trim().replace(/\/+$/, '');
}

function hubHome(env: Environment): string {
  return expandHome(env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface'));
}

function expandHome(path: string): string {
  return /^~(?=$|[\\/])/.test(path) ? join(homedir(), path.slice(1)) : path;
}
