import { join } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { isJsonObject, parseJson, type JsonObject } from '../json.js';
import { readBounded } from '../read-bounded.js';
import { MANIFEST_FILE, MANIFEST_FORMAT_VERSION } from './manifest.js';

/** The entries of a manifest that an inspection needs. */
export interface ReadManifest {
  readonly model: JsonObject;
  readonly parts: readonly { readonly part: string; readonly dtype: string; readonly file: string }[];
}

/**
 * Reads the manifest of a model directory; nothing when the directory has none.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` when it is no manifest, `MODEL_VERSION` when a newer version wrote it
 */
export async function readManifest(directory: string): Promise<ReadManifest | undefined> {
  const bytes = await readBounded(join(directory, MANIFEST_FILE), MANIFEST_FILE);
  if (bytes === undefined) return undefined;
  const root = parseJson(new TextDecoder().decode(bytes), MANIFEST_FILE, 'MODEL_CONFIG');
  const { formatVersion } = root;
  if (root['format'] !== 'pocketlens' || typeof formatVersion !== 'number') {
    throw new ModelFormatError('MODEL_CONFIG', `${MANIFEST_FILE}: format "pocketlens" with a formatVersion expected`);
  }
  if (formatVersion > MANIFEST_FORMAT_VERSION) {
    throw new ModelFormatError(
      'MODEL_VERSION',
      `${MANIFEST_FILE}: format version ${formatVersion}, this package reads up to ${MANIFEST_FORMAT_VERSION}`,
      { hint: 'Install a newer @pocketlens/converter.' },
    );
  }
  const parts = Array.isArray(root['parts']) ? root['parts'].map(readPart) : [];
  return { model: isJsonObject(root['model']) ? root['model'] : {}, parts };
}

function readPart(value: unknown): ReadManifest['parts'][number] {
  const { part, dtype, file } = isJsonObject(value) ? value : {};
  if (typeof part === 'string' && typeof dtype === 'string' && typeof file === 'string') return { part, dtype, file };
  throw new ModelFormatError('MODEL_CONFIG', `${MANIFEST_FILE}: a part needs part, dtype and file`);
}
