import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ModelFormatError, systemErrorCode } from '../errors.js';
import { GgufFile } from './file.js';
import { checkProjector, ggufKind } from './gguf-config.js';
import type { GgufPair } from './gguf-checkpoint.js';

const EXTENSION = /\.gguf$/i;
const PROJECTOR_NAME = /mmproj/i;

/** Whether a source is a GGUF file, or a directory with such files and no safetensors. */
export async function isGgufSource(source: string): Promise<boolean> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isFile() === true) return EXTENSION.test(source);
  if (found?.isDirectory() !== true) return false;
  const names = await readdir(source);
  const hasShards = names.some((name) => name === 'model.safetensors' || name === 'model.safetensors.index.json');
  return !hasShards && names.some((name) => EXTENSION.test(name));
}

/**
 * Opens a language model and the image part that belongs to it.
 *
 * @param source - the language model's file, or a directory with one
 * @param mmproj - the image part; default the one file with `mmproj` in its name beside the language model
 * @throws {ModelFormatError} `MODEL_SHARD` when a file is missing or more than one fits, `MODEL_CONFIG` for files of
 *   another kind, and what the headers throw
 */
export async function openGgufPair(source: string, mmproj?: string): Promise<GgufPair> {
  const isDirectory = (await stat(source)).isDirectory();
  const languagePath = isDirectory ? await findOne(source, { isProjector: false }) : source;
  const language = await openGguf(languagePath);
  try {
    checkLanguage(language);
    const projector = await openGguf(mmproj ?? (await findOne(dirname(languagePath), { isProjector: true })));
    try {
      checkProjector(projector);
      return { language, projector };
    } catch (error) {
      await projector.close();
      throw error;
    }
  } catch (error) {
    await language.close();
    throw error;
  }
}

function checkLanguage(file: GgufFile): void {
  const kind = ggufKind(file);
  if (kind === 'language') return;
  const what = kind === 'projector' ? 'the image part (mmproj) of a model' : `a model of architecture "${kind}"`;
  throw new ModelFormatError('MODEL_CONFIG', `${basename(file.path)} is ${what}; a Llama language model is expected`, {
    hint: 'Name the language model (ggml-model-*.gguf); the mmproj file is found beside it.',
  });
}

async function openGguf(path: string): Promise<GgufFile> {
  try {
    return await GgufFile.open(path);
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause;
    throw new ModelFormatError('MODEL_SHARD', `${path}: no such GGUF file`, { cause });
  }
}

async function findOne(directory: string, { isProjector }: { readonly isProjector: boolean }): Promise<string> {
  const names = (await readdir(directory)).filter(
    (name) => EXTENSION.test(name) && PROJECTOR_NAME.test(name) === isProjector,
  );
  const [name] = names;
  if (name !== undefined && names.length === 1) return join(directory, name);
  const what = isProjector ? 'image part (mmproj*.gguf)' : 'language model (*.gguf)';
  throw new ModelFormatError(
    'MODEL_SHARD',
    names.length === 0
      ? `${directory} has no ${what}`
      : `${directory} has ${names.length} files that can be the ${what}: ${names.slice(0, 5).join(', ')}`,
    { hint: isProjector ? 'Name it with --mmproj FILE (mmproj).' : 'Name the file itself.' },
  );
}
