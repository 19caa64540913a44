import { ModelFormatError } from '@pocketlens/backend';
import type { ModelFormatErrorCode, ModelSource } from '@pocketlens/backend';

/** Largest settings or tokenizer file that is read; the limit of a `tokenizer.json` elsewhere is the same. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export type JsonObject = Readonly<Record<string, unknown>>;

/** The small files of a model: settings and tokenizer. */
export interface ModelFiles {
  /** For messages. */
  readonly name: string;
  /** Whole content, or undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** Files of a folder. The file system is imported only when it is used, so that browsers can load this module. */
export function directoryFiles(directory: string): ModelFiles {
  return {
    name: directory,
    read: async (path) => {
      const [{ readFile, stat }, { join }] = await Promise.all([import('node:fs/promises'), import('node:path')]);
      const located = join(directory, path);
      const status = await stat(located).catch(ignoreMissing);
      if (status === undefined) return undefined;
      checkSize(path, directory, status.size);
      return readFile(located);
    },
  };
}

/** Files of any other source. */
export function sourceFiles(source: ModelSource): ModelFiles {
  return {
    name: source.name,
    read: async (path) => {
      const file = await source.open(path).catch(ignoreMissing);
      if (file === undefined) return undefined;
      try {
        checkSize(path, source.name, file.size);
        return await file.read(0, file.size);
      } finally {
        await file.close();
      }
    },
  };
}

/** A JSON object, or undefined when there is no such file. Throws `ModelFormatError` with the file's name. */
export async function readJson(files: ModelFiles, path: string): Promise<JsonObject | undefined> {
  const bytes = await files.read(path);
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw formatError('MODEL_CONFIG', `${path} in ${files.name} is not valid JSON (${bytes.length} bytes)`, cause);
  }
  if (isObject(value)) return value;
  throw formatError('MODEL_CONFIG', `${path} in ${files.name} is not a JSON object`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkSize(path: string, name: string, size: number): void {
  if (size <= MAX_FILE_BYTES) return;
  throw formatError('MODEL_FILE_SIZE', `${path} in ${name} has ${size} bytes, at most ${MAX_FILE_BYTES} are read`);
}

function formatError(code: ModelFormatErrorCode, message: string, cause?: unknown): ModelFormatError {
  return new ModelFormatError(code, message, { cause, hint: 'Convert or download the model again.' });
}

function ignoreMissing(error: unknown): undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'MODEL_FILE_MISSING') return undefined;
  throw error;
}
