import { ModelFormatError } from '@pocketlens/backend';
import type { ModelFormatErrorCode, ModelSource } from '@pocketlens/backend';

/** A JSON object whose fields are still unknown. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Largest JSON file of a model directory that is read: a manifest lists a few files, a config a few hundred keys. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a JSON object of a model. Throws `ModelFormatError` with `code` and the file's name. */
export async function readJsonObject(
  source: ModelSource,
  path: string,
  code: ModelFormatErrorCode,
): Promise<JsonObject> {
  const file = await source.open(path);
  try {
    if (file.size > MAX_JSON_BYTES) {
      throw new ModelFormatError(code, `${path} in ${source.name}: ${file.size} bytes, at most ${MAX_JSON_BYTES}`);
    }
    return parseJsonObject(await file.read(0, file.size), `${path} in ${source.name}`, code);
  } finally {
    await file.close();
  }
}

function parseJsonObject(bytes: Uint8Array, name: string, code: ModelFormatErrorCode): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ModelFormatError(code, `${name} is not valid JSON (${bytes.length} bytes)`, {
      cause,
      hint: 'The file is cut or damaged: convert or download the model again.',
    });
  }
  if (!isObject(value)) throw new ModelFormatError(code, `${name} is not a JSON object`);
  return value;
}
