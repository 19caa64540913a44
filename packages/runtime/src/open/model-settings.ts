import { ModelFormatError } from '@pocketlens/backend';
import { parsePreprocessorConfig } from '@pocketlens/preprocessing';
import type { PreprocessorConfig } from '@pocketlens/preprocessing';
import { isObject, readJson } from './model-files.js';
import type { JsonObject, ModelFiles } from './model-files.js';

/** What the settings files of a model say to the runtime. */
export interface ModelSettings {
  /** Version of the family, such as "2.5". */
  readonly version: string;
  readonly preprocessing: PreprocessorConfig;
  /** End tokens of `config.json` and `generation_config.json`. */
  readonly eosIds: readonly number[];
  /** Bytes of a position of a key-value cache in float32; undefined where `config.json` does not tell. */
  readonly positionBytes: number | undefined;
}

/**
 * Reads `config.json`, and where they exist `preprocessor_config.json` and `generation_config.json`.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` with the file and the key
 * @throws {InvalidArgumentError} for a value of the preprocessor's that cannot be used
 */
export async function readModelSettings(files: ModelFiles): Promise<ModelSettings> {
  const config = (await readJson(files, 'config.json')) ?? {};
  const preprocessor = (await readJson(files, 'preprocessor_config.json')) ?? {};
  const generation = (await readJson(files, 'generation_config.json')) ?? {};
  const version = config['version'] ?? preprocessor['version'] ?? '2.5';
  return {
    version: String(version),
    preprocessing: parsePreprocessorConfig(preprocessorJson(config, preprocessor)),
    positionBytes: positionBytes(config),
    eosIds: [...eosIds(config, 'config.json'), ...eosIds(generation, 'generation_config.json')],
  };
}

function positionBytes(config: JsonObject): number | undefined {
  const count = (name: string): number => Number(config[name]);
  const heads = count('num_attention_heads');
  const headSize = config['head_dim'] === undefined ? count('hidden_size') / heads : count('head_dim');
  const cacheHeads = config['num_key_value_heads'] === undefined ? heads : count('num_key_value_heads');
  const bytes = 2 * count('num_hidden_layers') * cacheHeads * headSize * Float32Array.BYTES_PER_ELEMENT;
  return bytes > 0 && bytes < Infinity ? bytes : undefined;
}

/** The preprocessor's own file wins over what the model's configuration says of slicing. */
function preprocessorJson(config: JsonObject, preprocessor: JsonObject): JsonObject {
  const slicing = isObject(config['slice_config']) ? config['slice_config'] : {};
  return withoutUndefined({
    max_slice_nums: slicing['max_slice_nums'],
    scale_resolution: slicing['scale_resolution'],
    patch_size: slicing['patch_size'] ?? config['patch_size'],
    image_feature_size: config['query_num'],
    slice_mode: config['slice_mode'],
    use_image_id: config['use_image_id'],
    ...withoutUndefined(preprocessor),
  });
}

function withoutUndefined(json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined && value !== null));
}

function eosIds(json: JsonObject, file: string): readonly number[] {
  const value = json['eos_token_id'] ?? [];
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (ids.every((id): id is number => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0)) return ids;
  throw new ModelFormatError('MODEL_CONFIG', `${file}: eos_token_id must be an id or a list of ids`);
}
