import { isAbsolute, join, win32 } from 'node:path';
import { ModelFormatError } from './errors.js';
import { preview } from './json.js';

/**
 * Joins a name from a model file to its directory, and refuses names that lead out of it.
 *
 * Only the name is looked at: a file inside the directory may be a link, as in the Hugging Face cache.
 *
 * @throws {ModelFormatError} `MODEL_EXTERNAL_PATH` for absolute names, `..` and empty segments, drives and NUL bytes
 */
export function resolveInside(directory: string, name: string): string {
  const isInside =
    !isAbsolute(name) &&
    !win32.isAbsolute(name) &&
    !/[\0:]/.test(name) &&
    name.split(/[\\/]/).every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (isInside) return join(directory, name);
  throw new ModelFormatError('MODEL_EXTERNAL_PATH', `${preview(name)} is not a file name inside the model directory`);
}
