import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TokenizerError } from './errors.js';
import { Tokenizer } from './tokenizer.js';
import type { TokenizerConfig } from './tokenizer-config.js';
import type { TokenizerLoadOptions } from './tokenizer-parts.js';

/** Far above any real tokenizer file (Llama 3's `tokenizer.json` has 9 MB); a wrong file should not fill the memory. */
const MAX_FILE_BYTES: number = 256 * 2 ** 20;

/**
 * Loads the tokenizer of a model directory: its `tokenizer.json`, or else its `tokenizer.model`, with the special
 * tokens of its `tokenizer_config.json`. A path of one of these two files loads that one. `options.specialTokens`
 * replaces `tokenizer_config.json`.
 *
 * @param path - a directory or a file, as a path or a `file:` URL
 * @throws {TokenizerError} `TOKENIZER_NOT_FOUND` when there is neither file, `TOKENIZER_FORMAT` when one is damaged
 */
export async function loadTokenizerDirectory(
  path: string | URL,
  options: TokenizerLoadOptions = {},
): Promise<Tokenizer> {
  const place = typeof path === 'string' ? path : fileURLToPath(path);
  const isFile = (await stat(place).catch(() => undefined))?.isFile() === true;
  const folder = isFile ? dirname(place) : place;
  const candidates = isFile ? [place] : [join(place, 'tokenizer.json'), join(place, 'tokenizer.model')];
  const source = await readFirst(candidates);
  if (source === undefined) {
    throw new TokenizerError(
      'TOKENIZER_NOT_FOUND',
      `expected tokenizer.json or tokenizer.model in ${place}, found neither`,
      { hint: 'Copy the tokenizer file of the model into the directory.', details: { path: place } },
    );
  }
  if (options.specialTokens !== undefined) return Tokenizer.load(source, options);
  const specialTokens = await readConfig(join(folder, 'tokenizer_config.json'));
  return Tokenizer.load(source, specialTokens === undefined ? options : { ...options, specialTokens });
}

async function readConfig(path: string): Promise<TokenizerConfig | undefined> {
  const bytes = await readOptional(path);
  if (bytes === undefined) return undefined;
  let config: unknown;
  try {
    config = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TokenizerError('TOKENIZER_FORMAT', `expected JSON in ${path}`, {
      cause,
      hint: 'Check that the file is complete.',
    });
  }
  if (typeof config === 'object' && config !== null) return config;
  throw new TokenizerError('TOKENIZER_FORMAT', `expected an object in ${path}, got ${typeof config}`);
}

async function readFirst(paths: readonly string[]): Promise<Uint8Array | undefined> {
  for (const path of paths) {
    const bytes = await readOptional(path);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) {
      throw new TokenizerError('TOKENIZER_FORMAT', `expected at most ${MAX_FILE_BYTES} bytes in ${path}, got ${size}`);
    }
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
