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

const MAX_PREVIEW = 120;

/** A value from a file as it may stand in a message: short, quoted, never deeper than a list of plain values. */
export function preview(value: unknown): string {
  if (value === undefined) return 'nothing';
  const plain = (item: unknown): string => {
    if (typeof item === 'object' && item !== null) return Array.isArray(item) ? '[...]' : '{...}';
    return JSON.stringify(typeof item === 'string' ? item.slice(0, MAX_PREVIEW) : item);
  };
  const text = Array.isArray(value) ? `[${value.slice(0, MAX_PREVIEW).map(plain).join(', ')}]` : plain(value);
  return text.length <= MAX_PREVIEW ? text : `${text.slice(0, MAX_PREVIEW)}...`;
}
