import { readFile, stat } from 'node:fs/promises';
import { ModelFormatError, systemErrorCode } from './errors.js';

/** Settings and tokenizers are smaller than this. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads a whole small file; nothing when it does not exist.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` when it is no file or larger than 64 MiB
 */
export async function readBounded(path: string, label: string): Promise<Uint8Array | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new ModelFormatError('MODEL_CONFIG', `${label} is not a file`);
    const { size } = found;
    if (size > MAX_BYTES) throw new ModelFormatError('MODEL_CONFIG', `${label}: ${size} bytes, limit ${MAX_BYTES}`);
    return await readFile(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
