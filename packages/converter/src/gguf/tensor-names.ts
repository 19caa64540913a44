/** How a GGUF tensor becomes one of the checkpoint, or a part of one. */
export interface TensorMapping {
  /** Name in the checkpoint. */
  readonly name: string;
  /** Place among tensors that are stacked to one; 0 when it is whole. */
  readonly part?: number;
  /** Rows of the heads are interleaved for llama.cpp's rotary embedding: which number of heads they have. */
  readonly heads?: 'query' | 'key';
  readonly isTransposed?: boolean;
}

const LAYER_PARTS: Readonly<Record<string, Omit<TensorMapping, 'name'> & { readonly to: string }>> = {
  attn_norm: { to: 'input_layernorm' },
  ffn_norm: { to: 'post_attention_layernorm' },
  attn_q: { to: 'self_attn.q_proj', heads: 'query' },
  attn_k: { to: 'self_attn.k_proj', heads: 'key' },
  attn_v: { to: 'self_attn.v_proj' },
  attn_output: { to: 'self_attn.o_proj' },
  ffn_gate: { to: 'mlp.gate_proj' },
  ffn_up: { to: 'mlp.up_proj' },
  ffn_down: { to: 'mlp.down_proj' },
};

const LANGUAGE_NAMES: Readonly<Record<string, string>> = {
  'token_embd.weight': 'llm.model.embed_tokens.weight',
  'output_norm.weight': 'llm.model.norm.weight',
  'output.weight': 'llm.lm_head.weight',
};

/**
 * Name of a language model's tensor in the checkpoint; nothing for an unknown one.
 *
 * @source llama.cpp `gguf-py/gguf/tensor_mapping.py`; `convert_hf_to_gguf.py` (`LlamaModel.permute`)
 */
export function mapLanguageTensor(name: string): TensorMapping | undefined {
  const whole = Object.hasOwn(LANGUAGE_NAMES, name) ? LANGUAGE_NAMES[name] : undefined;
  if (whole !== undefined) return { name: whole };
  const [, layer = '', part = ''] = /^blk\.(\d+)\.([a-z_]+)\.weight$/.exec(name) ?? [];
  const found = Object.hasOwn(LAYER_PARTS, part) ? LAYER_PARTS[part] : undefined;
  if (found === undefined) return undefined;
  const { to, ...how } = found;
  return { name: `llm.model.layers.${layer}.${to}.weight`, ...how };
}

const VISION_PREFIXES: readonly (readonly [from: string, to: string])[] = [
  ['v.patch_embd.', 'vpm.embeddings.patch_embedding.'],
  ['v.position_embd.', 'vpm.embeddings.position_embedding.'],
  ['v.post_ln.', 'vpm.post_layernorm.'],
];

const VISION_LAYER_PARTS: Readonly<Record<string, string>> = {
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_out: 'self_attn.out_proj',
  ln1: 'layer_norm1',
  ln2: 'layer_norm2',
};

const RESAMPLER_NAMES: Readonly<Record<string, TensorMapping>> = {
  'resampler.query': { name: 'resampler.query' },
  'resampler.kv.weight': { name: 'resampler.kv_proj.weight' },
  'resampler.proj.weight': { name: 'resampler.proj', isTransposed: true },
  'resampler.attn.out.weight': { name: 'resampler.attn.out_proj.weight' },
  'resampler.attn.out.bias': { name: 'resampler.attn.out_proj.bias' },
};

/** Tables that the graphs compute themselves. */
const COMPUTED = /^resampler\.pos_embed(_k)?$/;

/**
 * Name of a tensor of `mmproj` in the checkpoint; `computed` for one that is not needed, nothing for an unknown one.
 *
 * @param isFirstLinear - whether a tensor has as many rows as the vision tower's inner width. The published converter
 *   named the first linear layer of an MLP `ffn_down` and the second `ffn_up`; later ones name them the other way round.
 * @source llama.cpp `minicpmv-convert-image-encoder-to-gguf.py` (`get_tensor_name`, `_replace_name_resampler`)
 */
export function mapVisionTensor(name: string, isFirstLinear: boolean): TensorMapping | 'computed' | undefined {
  if (COMPUTED.test(name)) return 'computed';
  if (Object.hasOwn(RESAMPLER_NAMES, name)) return RESAMPLER_NAMES[name];
  const attention = /^resampler\.attn\.([qkv])\.(weight|bias)$/.exec(name);
  if (attention !== null) {
    return { name: `resampler.attn.in_proj_${attention[2] ?? ''}`, part: 'qkv'.indexOf(attention[1] ?? '') };
  }
  if (/^resampler\.ln_(q|kv|post)\.(weight|bias)$/.test(name)) return { name };
  for (const [from, to] of VISION_PREFIXES) if (name.startsWith(from)) return { name: to + name.slice(from.length) };
  const [, layer = '', part = '', kind = ''] = /^v\.blk\.(\d+)\.([a-z0-9_]+)\.(weight|bias)$/.exec(name) ?? [];
  const isMlp = part === 'ffn_up' || part === 'ffn_down';
  const linear = isFirstLinear ? 'mlp.fc1' : 'mlp.fc2';
  const found = isMlp ? linear : Object.hasOwn(VISION_LAYER_PARTS, part) ? VISION_LAYER_PARTS[part] : undefined;
  return found === undefined ? undefined : { name: `vpm.encoder.layers.${layer}.${found}.${kind}` };
}
