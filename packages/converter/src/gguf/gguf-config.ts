import { basename } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { preview, type JsonObject } from '../json.js';
import type { GgufFile } from './file.js';
import type { GgufPair } from './gguf-checkpoint.js';

/** Queries of version 2.5; its successor has 64. */
const QUERIES_2_5 = 96;

/**
 * The keys of `config.json` that the metadata and the tensors of a pair tell.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` when a file is of another kind, or a key is missing
 * @source llama.cpp `gguf-py/gguf/constants.py` (Keys); `minicpmv-convert-image-encoder-to-gguf.py`
 */
export function ggufConfig({ language, projector }: GgufPair): JsonObject {
  const { metadata } = language;
  const clip = projector.metadata;
  const [vocabSize = 0, hiddenSize = 0] = shapeOf(language, 'token_embd.weight');
  const [queries = 0] = shapeOf(projector, 'resampler.query');
  const heads = metadata.integer('llama.attention.head_count');
  const patchSize = clip.integer('clip.vision.patch_size');
  return {
    _name_or_path: metadata.string('general.name', basename(language.path, '.gguf')),
    version: modelVersion(projector, queries),
    hidden_size: hiddenSize,
    intermediate_size: metadata.integer('llama.feed_forward_length'),
    num_hidden_layers: metadata.integer('llama.block_count'),
    num_attention_heads: heads,
    num_key_value_heads: metadata.integer('llama.attention.head_count_kv', heads),
    head_dim: metadata.integer(
      'llama.attention.key_length',
      metadata.integer('llama.rope.dimension_count', hiddenSize / heads),
    ),
    vocab_size: vocabSize,
    max_position_embeddings: metadata.integer('llama.context_length'),
    rms_norm_eps: metadata.decimal('llama.attention.layer_norm_rms_epsilon'),
    rope_theta: metadata.decimal('llama.rope.freq_base', 10_000),
    rope_scaling: ropeScaling(language),
    tie_word_embeddings: !language.tensors.has('output.weight'),
    hidden_act: 'silu',
    patch_size: patchSize,
    query_num: queries,
    ...tokenIds(language),
    vision_config: {
      hidden_size: clip.integer('clip.vision.embedding_length'),
      intermediate_size: clip.integer('clip.vision.feed_forward_length'),
      num_attention_heads: clip.integer('clip.vision.attention.head_count'),
      num_hidden_layers: countLayers(projector),
      patch_size: patchSize,
      image_size: tableSide(projector) * patchSize,
      layer_norm_eps: clip.decimal('clip.vision.attention.layer_norm_epsilon', 1e-6),
      hidden_act: visionActivation(projector),
    },
  };
}

/** Says what a file is by its metadata. */
export function ggufKind({ metadata }: GgufFile): 'language' | 'projector' | string {
  const architecture = metadata.string('general.architecture', 'unknown');
  if (architecture === 'clip') return 'projector';
  return architecture === 'llama' ? 'language' : architecture;
}

/** Checks that a file is the image part of a MiniCPM-V. */
export function checkProjector(file: GgufFile): void {
  const { metadata } = file;
  const isResampler =
    metadata.boolean('clip.has_minicpmv_projector', false) || metadata.value('clip.projector_type') === 'resampler';
  if (isResampler) return;
  throw new ModelFormatError(
    'MODEL_CONFIG',
    `${basename(file.path)} is no MiniCPM-V mmproj (clip.has_minicpmv_projector)`,
  );
}

/**
 * Numbers of `clip.minicpmv_version`: 2 is version 2.5, 3 is 2.6. The first files have no number; for some months of 2025
 * the published converter wrote 3 for every model, which the number of queries tells apart.
 */
function modelVersion(projector: GgufFile, queries: number): string {
  const number = projector.metadata.integer('clip.minicpmv_version', 2);
  if (number === 2 || (number === 3 && queries === QUERIES_2_5)) return '2.5';
  if (number === 3) return '2.6';
  throw new ModelFormatError(
    'MODEL_CONFIG',
    `${basename(projector.path)}: clip.minicpmv_version ${number}; 2 (MiniCPM-Llama3-V 2.5) and 3 are supported`,
  );
}

function ropeScaling({ metadata }: GgufFile): JsonObject | null {
  const type = metadata.string('llama.rope.scaling.type', 'none');
  return type === 'none' ? null : { type };
}

function tokenIds({ metadata }: GgufFile): JsonObject {
  const ids: Record<string, number> = {};
  for (const name of ['bos', 'eos']) {
    const key = `tokenizer.ggml.${name}_token_id`;
    if (metadata.has(key)) ids[`${name}_token_id`] = metadata.integer(key);
  }
  return ids;
}

/** The tensors tell the layers: `clip.vision.block_count` is 26 in files with 27. */
function countLayers({ tensors }: GgufFile): number {
  const layers = new Set<string>();
  for (const name of tensors.keys()) {
    const [, layer] = /^v\.blk\.(\d+)\./.exec(name) ?? [];
    if (layer !== undefined) layers.add(layer);
  }
  return layers.size;
}

function tableSide(projector: GgufFile): number {
  const [rows = 0] = shapeOf(projector, 'v.position_embd.weight');
  const side = Math.round(Math.sqrt(rows));
  if (side * side === rows) return side;
  throw new ModelFormatError(
    'MODEL_CONFIG',
    `${basename(projector.path)}: a position table of ${rows} rows is no square`,
  );
}

function visionActivation({ metadata }: GgufFile): string {
  if (metadata.boolean('clip.use_silu', false)) return 'silu';
  return metadata.boolean('clip.use_gelu', true) ? 'gelu_pytorch_tanh' : 'quick_gelu';
}

function shapeOf(file: GgufFile, name: string): readonly number[] {
  const tensor = file.tensors.get(name);
  if (tensor !== undefined) return tensor.shape;
  throw new ModelFormatError('MODEL_CONFIG', `${basename(file.path)}: tensor ${preview(name)} is missing`, {
    details: { tensor: name },
  });
}
