import { basename, dirname, relative, sep } from 'node:path';
import { parseConfig } from './config.js';
import { ModelFormatError } from './errors.js';
import { GgufFile } from './gguf/file.js';
import { ggufConfig, ggufKind } from './gguf/gguf-config.js';
import { openGgufPair } from './gguf/open-pair.js';
import type { InspectedTensor } from './inspect.js';
import type { JsonObject } from './json.js';
import { manifestModel } from './output/manifest.js';
import { readConfigFile } from './read-config.js';
import { SafetensorsFile } from './safetensors/file.js';

/** Stored tensors, and what is known of the model. */
export interface SourceContents {
  readonly tensors: readonly InspectedTensor[];
  readonly model: JsonObject;
}

/** A GGUF pair; or one of its files alone, when the other is not there. */
export async function readGgufSource(path: string, mmproj?: string): Promise<SourceContents> {
  const alone = await readAlone(path, mmproj);
  if (alone !== undefined) return alone;
  const pair = await openGgufPair(path, mmproj);
  try {
    const directory = dirname(pair.language.path);
    const file = await readConfigFile(directory);
    const config = parseConfig({ ...ggufConfig(pair), ...file }, basename(pair.language.path, '.gguf'));
    const tensors = [pair.language, pair.projector].flatMap((opened) => storedTensors(opened, directory));
    return { tensors, model: { ...manifestModel(config) } };
  } finally {
    await pair.language.close();
    await pair.projector.close();
  }
}

async function readAlone(path: string, mmproj?: string): Promise<SourceContents | undefined> {
  if (!path.endsWith('.gguf')) return undefined;
  const file = await GgufFile.open(path);
  await file.close();
  const contents = { tensors: storedTensors(file, dirname(path)), model: { name: basename(path, '.gguf') } };
  if (ggufKind(file) !== 'language') return contents;
  if (mmproj !== undefined) return undefined;
  try {
    const pair = await openGgufPair(path);
    await pair.language.close();
    await pair.projector.close();
    return undefined;
  } catch (error) {
    if (error instanceof ModelFormatError && error.code === 'MODEL_SHARD') return contents;
    throw error;
  }
}

function storedTensors({ path, tensors }: GgufFile, directory: string): readonly InspectedTensor[] {
  const file = relative(directory, path).split(sep).join('/');
  return [...tensors.values()].map(({ name, type, shape, byteLength }) => {
    return { name, dtype: type.name, shape, bytes: byteLength, file };
  });
}

/** One safetensors file, without the settings of a model. */
export async function readSafetensorsFile(path: string): Promise<SourceContents> {
  const opened = await SafetensorsFile.open(path);
  await opened.close();
  const file = basename(path);
  const tensors = [...opened.header.tensors.values()].map(({ name, dtype, shape, byteLength }) => {
    return { name, dtype, shape, bytes: byteLength, file };
  });
  return { tensors, model: { name: file } };
}
