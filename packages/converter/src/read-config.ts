import { basename, join, resolve } from 'node:path';
import { parseConfig, type CheckpointConfig } from './config.js';
import { ModelFormatError, systemErrorCode } from './errors.js';
import { parseJson, type JsonObject } from './json.js';
import { readBounded } from './read-bounded.js';

/**
 * Reads and checks `config.json` of a checkpoint directory.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG`
 */
export async function readConfig(source: string): Promise<CheckpointConfig> {
  const root = await readConfigFile(source).catch((cause: unknown) => {
    if (systemErrorCode(cause) !== 'ENOTDIR') throw cause;
    throw new ModelFormatError(
      'MODEL_CONFIG',
      `${source} is a file; a checkpoint directory or a .gguf file is expected`,
      { cause },
    );
  });
  if (root !== undefined) return parseConfig(root, basename(resolve(source)));
  throw new ModelFormatError('MODEL_CONFIG', `${source} has no config.json`, {
    hint: 'Name the directory of a checkpoint, with config.json and *.safetensors, or a .gguf file.',
  });
}

/** Reads `config.json` of a directory without a look at its keys; nothing when there is none. */
export async function readConfigFile(directory: string): Promise<JsonObject | undefined> {
  const bytes = await readBounded(join(directory, 'config.json'), 'config.json');
  return bytes === undefined ? undefined : parseJson(new TextDecoder().decode(bytes), 'config.json', 'MODEL_CONFIG');
}
