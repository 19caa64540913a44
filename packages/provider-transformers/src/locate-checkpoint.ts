import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ModelFormatError } from '@pocketlens/backend';
import { ModelNotFoundError } from '@pocketlens/runtime';
import { cachedModel } from '@pocketlens/runtime/provider';

/** A checkpoint in the layout of transformers.js. */
export interface Checkpoint {
  readonly directory: string;
  /** Found by its name in the Hugging Face cache. */
  readonly isCached: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of the graphs in `onnx/`. */
  readonly graphs: readonly string[];
}

/**
 * The folder of a checkpoint: a path as it is, `org/name` in the Hugging Face cache.
 *
 * @throws {ModelNotFoundError} `MODEL_UNKNOWN`
 * @throws {ModelFormatError} `MODEL_FILE_MISSING`, `MODEL_CONFIG`
 */
export async function locateCheckpoint(directoryOrName: string): Promise<Checkpoint> {
  const isFolder = (await stat(directoryOrName).catch(() => undefined))?.isDirectory() === true;
  const directory = isFolder ? path.resolve(directoryOrName) : await cachedModel(directoryOrName);
  if (directory === undefined) {
    throw new ModelNotFoundError(
      `no model at ${directoryOrName}: there is no such folder, nor such a name in the cache`,
      {
        hint: 'Give a folder, or fetch the model first: pocketlens pull org/name --include "*.json" "*.jinja" "onnx/*_q4.onnx*".',
        details: { model: directoryOrName },
      },
    );
  }
  const config = await readConfig(directory);
  const files = await readdir(path.join(directory, 'onnx')).catch(() => []);
  const graphs = files.filter((file) => file.endsWith('.onnx'));
  if (graphs.length > 0) return { directory, isCached: !isFolder, config, graphs };
  throw new ModelFormatError('MODEL_FILE_MISSING', `expected graphs in ${path.join(directory, 'onnx')}, found none`, {
    hint: 'transformers.js reads checkpoints that were exported to ONNX; the hub has them under onnx-community, for example.',
  });
}

async function readConfig(directory: string): Promise<Checkpoint['config']> {
  const file = path.join(directory, 'config.json');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ModelFormatError('MODEL_FILE_MISSING', `cannot read ${file}`, { cause });
  });
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new ModelFormatError('MODEL_CONFIG', `${file} is not JSON`, { cause });
  }
  if (typeof config === 'object' && config !== null && 'model_type' in config) return { ...config };
  throw new ModelFormatError('MODEL_CONFIG', `expected a model_type in ${file}`);
}
