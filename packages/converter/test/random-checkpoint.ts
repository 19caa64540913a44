import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeSafetensors, type TensorData } from '../src/index.js';
import { roundToHalf } from '../src/tensors/float.js';

/** A weight as its stored form reads back. */
export interface RandomTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export type RandomTensors = ReadonlyMap<string, RandomTensor>;

export interface RandomCheckpointOptions {
  /** Keys over the small defaults; `undefined` removes a key. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly visionConfig?: Readonly<Record<string, unknown>>;
  readonly dtype?: 'F32' | 'F16' | 'BF16';
  readonly shards?: number;
  readonly seed?: number;
}

/** A config of the published form with small numbers. */
export function smallConfig({ config, visionConfig }: RandomCheckpointOptions = {}): Record<string, unknown> {
  return {
    version: '2.5',
    batch_vision_input: true,
    drop_vision_last_layer: false,
    hidden_act: 'silu',
    hidden_size: 128,
    intermediate_size: 96,
    max_position_embeddings: 512,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    num_key_value_heads: 2,
    patch_size: 14,
    query_num: 5,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: false,
    vocab_size: 61,
    slice_config: { max_slice_nums: 9, patch_size: 14 },
    vision_config: {
      hidden_size: 48,
      image_size: 168,
      intermediate_size: 40,
      num_attention_heads: 3,
      num_hidden_layers: 2,
      patch_size: 14,
      ...visionConfig,
    },
    ...config,
  };
}

/** Writes a random checkpoint of the published layout and returns its weights. */
export function writeRandomCheckpoint(directory: string, options: RandomCheckpointOptions = {}): RandomTensors {
  const { dtype = 'F16', shards = 2, seed = 1 } = options;
  const config = smallConfig(options);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  const random = normalNumbers(seed);
  const tensors = new Map<string, RandomTensor>();
  const stored: TensorData[] = [];
  for (const [name, shape] of tensorShapes(config)) {
    const values = randomValues(name, shape, random);
    const bytes = encodeValues(values, dtype);
    tensors.set(name, { shape, values });
    stored.push({ name, dtype, shape, bytes });
  }
  writeShards(directory, stored, shards);
  return tensors;
}

function writeShards(directory: string, tensors: readonly TensorData[], shards: number): void {
  if (shards === 1) {
    writeFileSync(join(directory, 'model.safetensors'), encodeSafetensors(tensors, { format: 'pt' }));
    return;
  }
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const file = `model-0000${shard + 1}-of-0000${shards}.safetensors`;
    const part = tensors.filter((_, index) => index % shards === shard);
    for (const { name } of part) weightMap[name] = file;
    writeFileSync(join(directory, file), encodeSafetensors(part, { format: 'pt' }));
  }
  const index = { metadata: { total_size: 0 }, weight_map: weightMap };
  writeFileSync(join(directory, 'model.safetensors.index.json'), JSON.stringify(index));
}

/** Names and shapes of the tensors that a config asks for. */
export function tensorShapes(
  config: Readonly<Record<string, unknown>>,
): readonly (readonly [string, readonly number[]])[] {
  const number = (key: string): number => Number(config[key]);
  const vision = config['vision_config'] as Readonly<Record<string, number>>;
  const hidden = number('hidden_size');
  const heads = number('num_attention_heads');
  const headDim = config['head_dim'] === undefined ? hidden / heads : number('head_dim');
  return [
    ['llm.model.embed_tokens.weight', [number('vocab_size'), hidden]],
    ...Array.from({ length: number('num_hidden_layers') }, (_, layer) =>
      decoderLayer(`llm.model.layers.${layer}`, {
        hidden,
        inner: number('intermediate_size'),
        queries: heads * headDim,
        keys: number('num_key_value_heads') * headDim,
      }),
    ).flat(),
    ['llm.model.norm.weight', [hidden]],
    ...(config['tie_word_embeddings'] === true
      ? []
      : [['llm.lm_head.weight', [number('vocab_size'), hidden]] as const]),
    ...resampler(hidden, vision['hidden_size']!, number('query_num')),
    ...visionTower(vision, vision['num_hidden_layers']! - Number(config['drop_vision_last_layer'] === true)),
  ];
}

type Shapes = (readonly [string, readonly number[]])[];

function decoderLayer(name: string, size: Readonly<Record<'hidden' | 'inner' | 'queries' | 'keys', number>>): Shapes {
  return [
    [`${name}.self_attn.q_proj.weight`, [size.queries, size.hidden]],
    [`${name}.self_attn.k_proj.weight`, [size.keys, size.hidden]],
    [`${name}.self_attn.v_proj.weight`, [size.keys, size.hidden]],
    [`${name}.self_attn.o_proj.weight`, [size.hidden, size.queries]],
    [`${name}.mlp.gate_proj.weight`, [size.inner, size.hidden]],
    [`${name}.mlp.up_proj.weight`, [size.inner, size.hidden]],
    [`${name}.mlp.down_proj.weight`, [size.hidden, size.inner]],
    [`${name}.input_layernorm.weight`, [size.hidden]],
    [`${name}.post_attention_layernorm.weight`, [size.hidden]],
  ];
}

function resampler(hidden: number, visionHidden: number, queries: number): Shapes {
  return [
    ['resampler.query', [queries, hidden]],
    ...(visionHidden === hidden ? [] : ([['resampler.kv_proj.weight', [hidden, visionHidden]]] as Shapes)),
    ['resampler.attn.in_proj_weight', [3 * hidden, hidden]],
    ['resampler.attn.in_proj_bias', [3 * hidden]],
    ...linear('resampler.attn.out_proj', [hidden, hidden]),
    ...['ln_q', 'ln_kv', 'ln_post'].flatMap((norm) => linear(`resampler.${norm}`, [hidden])),
    ['resampler.proj', [hidden, hidden]],
  ];
}

function visionTower(vision: Readonly<Record<string, number>>, layers: number): Shapes {
  const size = vision['hidden_size']!;
  const inner = vision['intermediate_size']!;
  const patch = vision['patch_size']!;
  const side = Math.floor(vision['image_size']! / patch);
  const layer = (name: string): Shapes => [
    ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((part) => linear(`${name}.self_attn.${part}`, [size, size])),
    ...linear(`${name}.mlp.fc1`, [inner, size]),
    ...linear(`${name}.mlp.fc2`, [size, inner]),
    ...linear(`${name}.layer_norm1`, [size]),
    ...linear(`${name}.layer_norm2`, [size]),
  ];
  return [
    ...linear('vpm.embeddings.patch_embedding', [size, 3, patch, patch]),
    ['vpm.embeddings.position_embedding.weight', [side * side, size]],
    ...Array.from({ length: layers }, (_, index) => layer(`vpm.encoder.layers.${index}`)).flat(),
    ...linear('vpm.post_layernorm', [size]),
  ];
}

function linear(name: string, shape: readonly number[]): Shapes {
  return [
    [`${name}.weight`, shape],
    [`${name}.bias`, [shape[0]!]],
  ];
}

/** Scales that keep attention far from uniform and logits apart. */
function randomValues(name: string, shape: readonly number[], random: () => number): Float32Array<ArrayBuffer> {
  const isNorm = /norm|\.ln_/.test(name);
  const columns = shape.slice(1).reduce((product, size) => product * size, 1);
  const fan = name === 'resampler.proj' ? shape[0]! : columns;
  const scale = isNorm
    ? 0.2
    : shape.length === 1
      ? 0.1
      : /embed_tokens|position_embedding|query/.test(name)
        ? 0.7
        : 1.5 / fan ** 0.5;
  const offset = isNorm && name.endsWith('weight') ? 1 : 0;
  return Float32Array.from({ length: shape[0]! * columns }, () => offset + scale * random());
}

/** Rounds the values to the stored type in place, and returns their stored bytes. */
function encodeValues(values: Float32Array<ArrayBuffer>, dtype: 'F32' | 'F16' | 'BF16'): Uint8Array {
  const bits = new Uint32Array(values.buffer);
  if (dtype === 'F32') return new Uint8Array(values.buffer.slice(0));
  if (dtype === 'BF16') {
    const stored = Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
    for (const [index, half] of stored.entries()) bits[index] = half << 16;
    return new Uint8Array(stored.buffer);
  }
  const stored = Uint16Array.from(bits, roundToHalf);
  for (const [index, half] of stored.entries()) values[index] = halfValue(half);
  return new Uint8Array(stored.buffer);
}

/** The number that a float16 bit pattern stands for. */
export function halfValue(half: number): number {
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Seeded uniform numbers (mulberry32). */
export function uniformNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeded normal numbers (Box and Muller). */
export function normalNumbers(seed: number): () => number {
  const uniform = uniformNumbers(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
