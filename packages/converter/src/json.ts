import { ModelFormatError, type ModelFormatErrorCode } from './errors.js';

/** A JSON object of unknown content. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses a file that must hold a JSON object; throws `ModelFormatError` with the given code. */
export function parseJson(text: string, label: string, code: ModelFormatErrorCode): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelFormatError(code, `${label} is not JSON`, { cause });
  }
  if (!isJsonObject(value)) throw new ModelFormatError(code, `${label} is not a JSON object`);
  return value;
}
