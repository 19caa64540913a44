import { ModelFormatError } from './errors.js';
import { isJsonObject, type JsonObject, preview } from './json.js';

/** Sizes and rules of the SigLIP vision tower. */
export interface VisionConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  /** Layers that run: one less than the config's number when it asks to drop the last. */
  readonly layers: number;
  readonly heads: number;
  readonly patchSize: number;
  /** Rows and columns of the square position table. */
  readonly positionTableSide: number;
  readonly layerNormEpsilon: number;
  readonly activation: VisionActivation;
}

/** Sizes of the perceiver resampler. */
export interface ResamplerConfig {
  readonly queries: number;
  readonly heads: number;
  readonly layerNormEpsilon: number;
}

/** Sizes and rules of the Llama language model. */
export interface LanguageConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  readonly tieWordEmbeddings: boolean;
}

/** Everything of `config.json` that the converter relies on, defaults filled in. */
export interface CheckpointConfig {
  readonly name: string;
  readonly version: string;
  readonly batchVisionInput: boolean;
  /** `strip`: positions count along the strip of patches; `grid`: by row and column. */
  readonly visionPositions: 'strip' | 'grid';
  readonly vision: VisionConfig;
  readonly resampler: ResamplerConfig;
  readonly language: LanguageConfig;
  /** The file's own keys and the defaults that were filled in. */
  readonly effective: JsonObject;
}

export type VisionActivation = 'gelu_tanh' | 'gelu' | 'quick_gelu' | 'relu' | 'silu';

const VISION_ACTIVATIONS: Readonly<Record<string, VisionActivation>> = {
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu: 'gelu',
  quick_gelu: 'quick_gelu',
  relu: 'relu',
  silu: 'silu',
};

/** Epsilon of the resampler's norms: fixed in `resampler.py`, no key. */
const RESAMPLER_EPSILON = 1e-6;
/** Width of a resampler head unless the config names the number of heads (`resampler.py`: `embed_dim // 128`). */
const RESAMPLER_HEAD_DIM = 128;
const MAX_SIZE = 2 ** 31 - 1;
/** Bounds of what the converter computes tables or lists for. */
const MAX_POSITIONS = 2 ** 20;
const MAX_LAYERS = 4096;
const MAX_HEADS = 4096;
const MAX_HEAD_DIM = 1024;

/**
 * Checks `config.json` of a MiniCPM-V checkpoint and fills in the published defaults.
 *
 * @param root - the parsed file
 * @param fallbackName - name of the model when the file has none
 * @throws {ModelFormatError} `MODEL_CONFIG` with the key, what was expected and what came
 * @source openbmb/MiniCPM-Llama3-V-2_5 `configuration_minicpm.py`; transformers `Idefics2VisionConfig`
 */
export function parseConfig(root: JsonObject, fallbackName: string): CheckpointConfig {
  const keys = new ConfigKeys(root, '');
  refuseUnsupported(keys);
  const version = keys.version('version', '2.5');
  const vision = parseVision(root, keys);
  const language = parseLanguage(keys);
  const resampler = parseResampler(keys, language.hiddenSize);
  const name = keys.string('_name_or_path', fallbackName);
  const config = {
    name: name === '' ? fallbackName : name,
    version,
    batchVisionInput: keys.boolean('batch_vision_input', true),
    visionPositions: isGridVersion(version) ? ('grid' as const) : ('strip' as const),
    vision,
    resampler,
    language,
  };
  return { ...config, effective: effectiveConfig(root, config, keys.boolean('drop_vision_last_layer', false)) };
}

/** Version 2.6 brought positions by row and column; versions compare part by part. */
function isGridVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 6);
}

function refuseUnsupported(keys: ConfigKeys): void {
  if (keys.boolean('attention_bias', false)) throw keys.error('attention_bias', 'false', true);
  const scaling = keys.value('rope_scaling');
  if (scaling !== undefined && scaling !== null) throw keys.error('rope_scaling', 'null', scaling);
  const activation = keys.string('hidden_act', 'silu');
  if (activation !== 'silu') throw keys.error('hidden_act', '"silu"', activation);
}

function parseVision(root: JsonObject, top: ConfigKeys): VisionConfig {
  const section = root['vision_config'];
  if (!isJsonObject(section)) throw top.error('vision_config', 'an object', section);
  const keys = new ConfigKeys(section, 'vision_config.');
  const channels = keys.integer('num_channels', { fallback: 3 });
  if (channels !== 3) throw keys.error('num_channels', '3', channels);
  const declaredLayers = keys.integer('num_hidden_layers', { max: MAX_LAYERS });
  const patchSize = keys.integer('patch_size');
  const hiddenSize = keys.integer('hidden_size');
  const heads = keys.integer('num_attention_heads', { max: MAX_HEADS });
  if (hiddenSize % heads !== 0) throw keys.error('num_attention_heads', `a divisor of ${hiddenSize}`, heads);
  const activationName = keys.string('hidden_act', 'gelu_pytorch_tanh');
  const activation = Object.hasOwn(VISION_ACTIVATIONS, activationName) ? VISION_ACTIVATIONS[activationName] : undefined;
  if (activation === undefined) {
    throw keys.error('hidden_act', Object.keys(VISION_ACTIVATIONS).join(', '), activationName);
  }
  const layers = declaredLayers - Number(top.boolean('drop_vision_last_layer', false));
  if (layers < 1) throw keys.error('num_hidden_layers', 'at least one layer left', declaredLayers);
  return {
    hiddenSize,
    intermediateSize: keys.integer('intermediate_size'),
    layers,
    heads,
    patchSize,
    positionTableSide: Math.floor(keys.integer('image_size') / patchSize),
    layerNormEpsilon: keys.positive('layer_norm_eps', 1e-6),
    activation,
  };
}

function parseResampler(keys: ConfigKeys, hiddenSize: number): ResamplerConfig {
  const heads = keys.integer('resampler_num_attention_heads', {
    fallback: Math.floor(hiddenSize / RESAMPLER_HEAD_DIM),
  });
  if (hiddenSize % heads !== 0) {
    throw keys.error('resampler_num_attention_heads', `a divisor of hidden_size ${hiddenSize}`, heads);
  }
  if (hiddenSize % 4 !== 0)
    throw keys.error('hidden_size', 'a multiple of 4 (sine and cosine of two axes)', hiddenSize);
  return { queries: keys.integer('query_num'), heads, layerNormEpsilon: RESAMPLER_EPSILON };
}

function parseLanguage(keys: ConfigKeys): LanguageConfig {
  const hiddenSize = keys.integer('hidden_size');
  const heads = keys.integer('num_attention_heads', { max: MAX_HEADS });
  const kvHeads = keys.integer('num_key_value_heads', { fallback: heads });
  if (heads % kvHeads !== 0) throw keys.error('num_key_value_heads', `a divisor of ${heads}`, kvHeads);
  const headDim = keys.integer('head_dim', {
    fallback: hiddenSize % heads === 0 ? hiddenSize / heads : undefined,
    max: MAX_HEAD_DIM,
  });
  if (headDim % 2 !== 0) throw keys.error('head_dim', 'an even number', headDim);
  return {
    hiddenSize,
    intermediateSize: keys.integer('intermediate_size'),
    layers: keys.integer('num_hidden_layers', { max: MAX_LAYERS }),
    heads,
    kvHeads,
    headDim,
    vocabSize: keys.integer('vocab_size'),
    maxPositions: keys.integer('max_position_embeddings', { max: MAX_POSITIONS }),
    rmsNormEpsilon: keys.positive('rms_norm_eps', 1e-5),
    ropeTheta: keys.positive('rope_theta', 500_000),
    tieWordEmbeddings: keys.boolean('tie_word_embeddings', false),
  };
}

function effectiveConfig(
  root: JsonObject,
  config: Omit<CheckpointConfig, 'effective'>,
  dropVisionLastLayer: boolean,
): JsonObject {
  const { language, vision } = config;
  const visionSection = isJsonObject(root['vision_config']) ? root['vision_config'] : {};
  const sliceSection = isJsonObject(root['slice_config']) ? root['slice_config'] : {};
  return {
    ...root,
    version: config.version,
    batch_vision_input: config.batchVisionInput,
    drop_vision_last_layer: dropVisionLastLayer,
    patch_size: vision.patchSize,
    num_key_value_heads: language.kvHeads,
    head_dim: language.headDim,
    rms_norm_eps: language.rmsNormEpsilon,
    rope_theta: language.ropeTheta,
    tie_word_embeddings: language.tieWordEmbeddings,
    resampler_num_attention_heads: config.resampler.heads,
    slice_config: { max_slice_nums: 9, scale_resolution: 448, ...sliceSection, patch_size: vision.patchSize },
    vision_config: {
      hidden_act: 'gelu_pytorch_tanh',
      num_channels: 3,
      ...visionSection,
      layer_norm_eps: vision.layerNormEpsilon,
    },
  };
}

interface IntegerRule {
  readonly fallback?: number | undefined;
  readonly max?: number;
}

/** Reads keys of a config section, each with its check. */
class ConfigKeys {
  readonly #section: JsonObject;
  readonly #prefix: string;

  constructor(section: JsonObject, prefix: string) {
    this.#section = section;
    this.#prefix = prefix;
  }

  value(key: string): unknown {
    return Object.hasOwn(this.#section, key) ? this.#section[key] : undefined;
  }

  integer(key: string, { fallback, max = MAX_SIZE }: IntegerRule = {}): number {
    const value = this.value(key) ?? fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
    throw this.error(key, `a whole number from 1 to ${max}`, value);
  }

  positive(key: string, fallback: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    throw this.error(key, 'a positive number', value);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.error(key, 'true or false', value);
  }

  string(key: string, fallback: string): string {
    const value = this.value(key) ?? fallback;
    if (typeof value === 'string') return value;
    throw this.error(key, 'a string', value);
  }

  version(key: string, fallback: string): string {
    const value = this.value(key) ?? fallback;
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && /^\d{1,4}(\.\d{1,4})*$/.test(text)) return text;
    throw this.error(key, 'a version such as "2.5"', value);
  }

  error(key: string, expected: string, value: unknown): ModelFormatError {
    return new ModelFormatError(
      'MODEL_CONFIG',
      `config.json: ${this.#prefix}${key} must be ${expected}, got ${preview(value)}`,
    );
  }
}
