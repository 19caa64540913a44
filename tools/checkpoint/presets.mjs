// Sizes of the checkpoints that can be made. `8b` is MiniCPM-Llama3-V 2.5 as published (its `config.json` and tensor list).

const FULL = {
  hiddenSize: 4096,
  intermediateSize: 14336,
  layers: 32,
  heads: 32,
  kvHeads: 8,
  vocabSize: 128256,
  queries: 96,
  vision: { hiddenSize: 1152, intermediateSize: 4304, layers: 27, heads: 16 },
  // The published shards were cut where one more tensor would have passed this.
  shardBytes: 2_500_000_000,
};

export const PRESETS = {
  '8b': FULL,
  '8b-4-layers': { ...FULL, layers: 4, vision: { ...FULL.vision, layers: 4 } },
  tiny: {
    hiddenSize: 128,
    intermediateSize: 384,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    vocabSize: 128256,
    queries: 16,
    vision: { hiddenSize: 64, intermediateSize: 128, layers: 2, heads: 4 },
    shardBytes: 40_000_000,
  },
};

const VISION_SIDE = 70;
const PATCH_SIZE = 14;

/** `config.json` with the published keys. */
export function checkpointConfig(size, name) {
  return {
    _name_or_path: name,
    version: '2.5',
    architectures: ['MiniCPMV'],
    attention_bias: false,
    attention_dropout: 0,
    batch_vision_input: true,
    bos_token_id: 128000,
    drop_vision_last_layer: false,
    eos_token_id: 128001,
    hidden_act: 'silu',
    hidden_size: size.hiddenSize,
    image_size: 448,
    initializer_range: 0.02,
    intermediate_size: size.intermediateSize,
    max_position_embeddings: 8192,
    mm_use_im_start_end: true,
    model_type: 'minicpmv',
    num_attention_heads: size.heads,
    num_hidden_layers: size.layers,
    num_key_value_heads: size.kvHeads,
    patch_size: PATCH_SIZE,
    pretraining_tp: 1,
    query_num: size.queries,
    rms_norm_eps: 1e-5,
    rope_scaling: null,
    rope_theta: 500000,
    slice_config: { max_slice_nums: 9, patch_size: PATCH_SIZE, model_type: 'minicpmv' },
    slice_mode: true,
    tie_word_embeddings: false,
    torch_dtype: 'float16',
    transformers_version: '4.40.0',
    use_cache: false,
    vision_config: {
      hidden_size: size.vision.hiddenSize,
      image_size: VISION_SIDE * PATCH_SIZE,
      intermediate_size: size.vision.intermediateSize,
      model_type: 'idefics2',
      num_attention_heads: size.vision.heads,
      num_hidden_layers: size.vision.layers,
      patch_size: PATCH_SIZE,
    },
    vocab_size: size.vocabSize,
  };
}

export const GENERATION_CONFIG = { bos_token_id: 128000, eos_token_id: 128001, transformers_version: '4.40.0' };

export function preprocessorConfig(size) {
  return {
    image_processor_type: 'MiniCPMVImageProcessor',
    max_slice_nums: 9,
    scale_resolution: 448,
    patch_size: PATCH_SIZE,
    image_feature_size: size.queries,
    slice_mode: true,
    norm_mean: [0.5, 0.5, 0.5],
    norm_std: [0.5, 0.5, 0.5],
    version: 2.5,
  };
}

/** Tensors in the order in which the published checkpoint was saved: `{ name, shape, kind }`. */
export function tensorList(size) {
  return [...languageTensors(size), ...resamplerTensors(size), ...visionTensors(size.vision)];
}

function languageTensors({ hiddenSize: h, intermediateSize: m, layers, heads, kvHeads, vocabSize }) {
  const kv = (h / heads) * kvHeads;
  const list = [matrix('llm.model.embed_tokens', vocabSize, h)];
  for (let layer = 0; layer < layers; layer++) {
    const at = `llm.model.layers.${layer}`;
    list.push(
      matrix(`${at}.self_attn.q_proj`, h, h),
      matrix(`${at}.self_attn.k_proj`, kv, h),
      matrix(`${at}.self_attn.v_proj`, kv, h),
      matrix(`${at}.self_attn.o_proj`, h, h),
      matrix(`${at}.mlp.gate_proj`, m, h),
      matrix(`${at}.mlp.up_proj`, m, h),
      matrix(`${at}.mlp.down_proj`, h, m),
      gain(`${at}.input_layernorm`, h),
      gain(`${at}.post_attention_layernorm`, h),
    );
  }
  return [...list, gain('llm.model.norm', h), matrix('llm.lm_head', vocabSize, h)];
}

function resamplerTensors({ hiddenSize: h, queries, vision }) {
  return [
    { name: 'resampler.query', shape: [queries, h], kind: 'weight' },
    matrix('resampler.kv_proj', h, vision.hiddenSize),
    { name: 'resampler.attn.in_proj_weight', shape: [3 * h, h], kind: 'weight' },
    { name: 'resampler.attn.in_proj_bias', shape: [3 * h], kind: 'weight' },
    ...linear('resampler.attn.out_proj', h, h),
    ...norm('resampler.ln_q', h),
    ...norm('resampler.ln_kv', h),
    ...norm('resampler.ln_post', h),
    { name: 'resampler.proj', shape: [h, h], kind: 'weight' },
  ];
}

function visionTensors({ hiddenSize: v, intermediateSize: m, layers }) {
  const list = [
    { name: 'vpm.embeddings.patch_embedding.weight', shape: [v, 3, PATCH_SIZE, PATCH_SIZE], kind: 'weight' },
    { name: 'vpm.embeddings.patch_embedding.bias', shape: [v], kind: 'weight' },
    matrix('vpm.embeddings.position_embedding', VISION_SIDE ** 2, v),
  ];
  for (let layer = 0; layer < layers; layer++) {
    const at = `vpm.encoder.layers.${layer}`;
    for (const part of ['q', 'k', 'v', 'out']) list.push(...linear(`${at}.self_attn.${part}_proj`, v, v));
    list.push(...linear(`${at}.mlp.fc1`, m, v), ...linear(`${at}.mlp.fc2`, v, m));
    list.push(...norm(`${at}.layer_norm1`, v), ...norm(`${at}.layer_norm2`, v));
  }
  return [...list, ...norm('vpm.post_layernorm', v)];
}

const matrix = (name, rows, columns) => ({ name: `${name}.weight`, shape: [rows, columns], kind: 'weight' });
const gain = (name, width) => ({ name: `${name}.weight`, shape: [width], kind: 'gain' });
const linear = (name, rows, columns) => [
  matrix(name, rows, columns),
  { name: `${name}.bias`, shape: [rows], kind: 'weight' },
];
const norm = (name, width) => [gain(name, width), { name: `${name}.bias`, shape: [width], kind: 'weight' }];
