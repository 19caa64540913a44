import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readBounded } from '../read-bounded.js';
import { HashedFile } from './hashed-file.js';
import type { WrittenFile } from './output.js';

/** Files of a checkpoint that a model directory keeps as they are. */
const COPIED_FILES = [
  'generation_config.json',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'LICENSE',
  'LICENSE.md',
  'LICENSE.txt',
  'NOTICE',
  'README.md',
] as const;

/** Copies the tokenizer, the other settings and the licence, as far as they are there. */
export async function copySideFiles(source: string, directory: string): Promise<readonly WrittenFile[]> {
  const written: WrittenFile[] = [];
  for (const name of COPIED_FILES) {
    const bytes = await readBounded(join(source, name), name);
    if (bytes !== undefined) written.push(await writeBytes(directory, name, bytes));
  }
  return written;
}

/** Paths of the files that `copySideFiles` finds. */
export async function sideFiles(source: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of COPIED_FILES) {
    const path = join(source, name);
    if (
      await stat(path).then(
        () => true,
        () => false,
      )
    )
      found.push(path);
  }
  return found;
}

/** Writes a JSON file for people: two spaces, a newline at the end. */
export async function writeJson(directory: string, path: string, value: unknown): Promise<WrittenFile> {
  return await writeBytes(directory, path, new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`));
}

async function writeBytes(directory: string, path: string, bytes: Uint8Array): Promise<WrittenFile> {
  const file = await HashedFile.create(join(directory, path));
  try {
    await file.write(bytes);
    return { path, ...(await file.finish()) };
  } catch (error) {
    await file.abandon().catch(() => undefined);
    throw error;
  }
}
