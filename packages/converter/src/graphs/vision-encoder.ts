import type { CheckpointConfig, VisionActivation, VisionConfig } from '../config.js';
import { MICROSOFT_DOMAIN } from '../onnx/model.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import { plainDtype, type WeightFormat } from '../quantization/scheme.js';
import { GraphBuilder, float, int, ints, type GraphDefinition, type ValueName } from './builder.js';
import { addResampler } from './resampler.js';
import { addLayerNorm, addLinear, type VisionGraph } from './vision-layers.js';
import { CheckpointWeights } from './weights.js';

const PREFIX = 'vpm';

/**
 * Builds the vision encoder: patch strips -> SigLIP tower -> resampler.
 *
 * Inputs, for S slices padded to L patches of side P: `pixel_values` float32 [S, 3, P, P * L]; `position_ids` int64
 * [S, L], rows of the position table; `patch_rows`, `patch_cols` int64 [S, L], places of the patches in the slice's
 * grid; `patch_counts` int64 [S], patches of each slice before the padding. Output: `image_features` float32
 * [S, queries, hidden]. The tower attends to padding, as the published model does; the resampler does not.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` or `MODEL_DTYPE` when a tensor is missing or not as the config says
 * @source openbmb/MiniCPM-Llama3-V-2_5 `modeling_minicpmv.py`; transformers `modeling_idefics2.py`
 */
export function buildVisionEncoder(
  checkpoint: Checkpoint,
  config: CheckpointConfig,
  format: WeightFormat,
): GraphDefinition {
  const graph = new GraphBuilder('vision_encoder', plainDtype(format));
  const context = { graph, weights: new CheckpointWeights(checkpoint, graph, format) };
  const { vision } = config;
  graph.input('pixel_values', 'float32', ['slices', 3, vision.patchSize, 'strip_width']);
  for (const name of ['position_ids', 'patch_rows', 'patch_cols']) graph.input(name, 'int64', ['slices', 'patches']);
  graph.input('patch_counts', 'int64', ['slices']);
  let hidden = addEmbeddings(context, vision);
  for (let layer = 0; layer < vision.layers; layer++) hidden = addLayer(context, vision, hidden, layer);
  hidden = addLayerNorm(context, `${PREFIX}.post_layernorm`, hidden, normOf(vision));
  addResampler(context, config, hidden);
  graph.output('image_features', 'float32', ['slices', config.resampler.queries, config.language.hiddenSize]);
  return graph.finish();
}

/**
 * Patch embedding and position rows. The convolution with kernel = stride is one matrix product of the flattened
 * patches; the strip [3, P, L, P] is brought to [L, 3, P, P] first.
 */
function addEmbeddings({ graph, weights }: VisionGraph, vision: VisionConfig): ValueName {
  const { hiddenSize, patchSize, positionTableSide } = vision;
  const name = `${PREFIX}.embeddings`;
  const split = graph.node(`${name}.split`, 'Reshape', {
    inputs: ['pixel_values', graph.integers([0, 3, patchSize, -1, patchSize])],
  });
  const patches = graph.node(`${name}.patches`, 'Transpose', {
    inputs: [split],
    attributes: { perm: ints(0, 3, 1, 2, 4) },
  });
  const flat = graph.node(`${name}.flat`, 'Reshape', {
    inputs: [patches, graph.integers([0, 0, 3 * patchSize * patchSize])],
  });
  const tensor = `${name}.patch_embedding.weight`;
  weights.check(tensor, [hiddenSize, 3, patchSize, patchSize]);
  // The first layer sees raw pixels and is small: it stays unquantised.
  const kernel = weights.plainLinear({
    name: tensor,
    runs: [{ tensor, firstRow: 0, rowCount: hiddenSize }],
    columns: 3 * patchSize * patchSize,
    outputs: hiddenSize,
  });
  const product = graph.node(`${name}.patch_embedding.matmul`, 'MatMul', { inputs: [flat, kernel] });
  const embedded = graph.node(`${name}.patch_embedding`, 'Add', {
    inputs: [product, weights.plain(`${name}.patch_embedding.bias`, [hiddenSize])],
  });
  const table = weights.plain(`${name}.position_embedding.weight`, [positionTableSide ** 2, hiddenSize]);
  const positions = graph.node(`${name}.position_embedding`, 'Gather', {
    inputs: [table, 'position_ids'],
    attributes: { axis: int(0) },
  });
  return graph.node(name, 'Add', { inputs: [embedded, positions] });
}

function normOf(vision: VisionConfig): { readonly size: number; readonly epsilon: number } {
  return { size: vision.hiddenSize, epsilon: vision.layerNormEpsilon };
}

function addLayer(context: VisionGraph, vision: VisionConfig, input: ValueName, layer: number): ValueName {
  const { graph } = context;
  const name = `${PREFIX}.encoder.layers.${layer}`;
  const { hiddenSize } = vision;
  const normed = addLayerNorm(context, `${name}.layer_norm1`, input, normOf(vision));
  const attention = addAttention(context, vision, `${name}.self_attn`, normed);
  const middle = graph.node(`${name}.attention_sum`, 'Add', { inputs: [input, attention] });
  const normedAgain = addLayerNorm(context, `${name}.layer_norm2`, middle, normOf(vision));
  const inner = addLinear(context, `${name}.mlp.fc1`, normedAgain, [vision.intermediateSize, hiddenSize]);
  const active = addActivation(graph, `${name}.mlp.activation`, inner, vision.activation);
  const outer = addLinear(context, `${name}.mlp.fc2`, active, [hiddenSize, vision.intermediateSize]);
  return graph.node(name, 'Add', { inputs: [middle, outer] });
}

function addAttention(context: VisionGraph, vision: VisionConfig, name: string, input: ValueName): ValueName {
  const { graph, weights } = context;
  const { hiddenSize } = vision;
  const projections = ['q_proj', 'k_proj', 'v_proj'].map((projection) =>
    weights.multiply(`${name}.${projection}`, input, `${name}.${projection}.weight`, [hiddenSize, hiddenSize]),
  );
  const biasNames = ['q_proj', 'k_proj', 'v_proj'].map((projection) => `${name}.${projection}.bias`);
  const attended = graph.node(`${name}.attention`, 'MultiHeadAttention', {
    domain: MICROSOFT_DOMAIN,
    inputs: [...projections, weights.stackedVectors(`${name}.qkv.bias`, biasNames, hiddenSize)],
    attributes: { num_heads: int(vision.heads) },
  });
  return addLinear(context, `${name}.out_proj`, attended, [hiddenSize, hiddenSize]);
}

function addActivation(graph: GraphBuilder, name: string, input: ValueName, activation: VisionActivation): ValueName {
  const microsoft = { domain: MICROSOFT_DOMAIN, inputs: [input] } as const;
  switch (activation) {
    case 'gelu_tanh':
      return graph.node(name, 'FastGelu', microsoft);
    case 'gelu':
      return graph.node(name, 'Gelu', microsoft);
    case 'quick_gelu':
      return graph.node(name, 'QuickGelu', { ...microsoft, attributes: { alpha: float(1.702) } });
    case 'silu':
      return graph.node(name, 'QuickGelu', { ...microsoft, attributes: { alpha: float(1) } });
    case 'relu':
      return graph.node(name, 'Relu', { inputs: [input] });
  }
}
