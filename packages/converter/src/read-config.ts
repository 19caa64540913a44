import { basename, join, resolve } from 'node:path';
import { parseConfig, type CheckpointConfig } from './config.js';
import { ModelFormatError, systemErrorCode } from './errors.js';
import { parseJson } from './json.js';
import { readBounded } from './read-bounded.js';

/**
 * Reads and checks `config.json` of a checkpoint directory.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG`
 */
export async function readConfig(source: string): Promise<CheckpointConfig> {
  const bytes = await readBounded(join(source, 'config.json'), 'config.json').catch((cause: unknown) => {
    if (systemErrorCode(cause) !== 'ENOTDIR') throw cause;
    throw new ModelFormatError('MODEL_CONFIG', `${source} is a file; a checkpoint directory is expected`, { cause });
  });
  if (bytes === undefined) {
    throw new ModelFormatError('MODEL_CONFIG', `${source} has no config.json`, {
      hint: 'Name the directory of a checkpoint, with config.json and *.safetensors.',
    });
  }
  const root = parseJson(new TextDecoder().decode(bytes), 'config.json', 'MODEL_CONFIG');
  return parseConfig(root, basename(resolve(source)));
}
