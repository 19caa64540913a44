import type { CheckpointConfig } from '../config.js';
import { MICROSOFT_DOMAIN } from '../onnx/model.js';
import { float, int, type ValueName } from './builder.js';
import { addLayerNorm, addLinear, type VisionGraph } from './vision-layers.js';

const PREFIX = 'resampler';
/** Added to the score of a padding key: its weight becomes exactly zero. */
const MASKED_SCORE = -1e30;

/**
 * Adds the perceiver resampler: learned queries attend to the tower's patches, and a projection ends it.
 *
 * Keys carry a two-dimensional sine-cosine position, values and queries carry none; padding patches are masked.
 *
 * @source openbmb/MiniCPM-Llama3-V-2_5 `resampler.py`
 */
export function addResampler(context: VisionGraph, config: CheckpointConfig, tower: ValueName): ValueName {
  const { graph, weights } = context;
  const { language, vision, resampler } = config;
  const size = language.hiddenSize;
  const norm = { size, epsilon: resampler.layerNormEpsilon };
  let projected = tower;
  if (vision.hiddenSize !== size) {
    projected = weights.multiply(`${PREFIX}.kv_proj`, tower, `${PREFIX}.kv_proj.weight`, [size, vision.hiddenSize]);
  }
  const values = addLayerNorm(context, `${PREFIX}.ln_kv`, projected, norm);
  const keys = graph.node(`${PREFIX}.keys`, 'Add', { inputs: [values, addPositions(context, size)] });
  const queryTable = weights.plain(`${PREFIX}.query`, [resampler.queries, size]);
  const queries = addLayerNorm(context, `${PREFIX}.ln_q`, queryTable, norm);
  const attended = addAttention(context, { queries, keys, values }, size, resampler.heads);
  const normed = addLayerNorm(context, `${PREFIX}.ln_post`, attended, norm);
  // Unlike a linear layer's weight, this one lies as [inputs, outputs] in the checkpoint.
  const tensor = `${PREFIX}.proj`;
  weights.check(tensor, [size, size]);
  return weights.multiplyStacked('image_features', normed, {
    name: tensor,
    runs: [{ tensor, firstRow: 0, rowCount: size }],
    columns: size,
    outputs: size,
    isTransposed: true,
  });
}

/**
 * Two-dimensional sine-cosine position of every patch, float32 [S, L, size]: the first half from the column, the second
 * from the row, each half sines then cosines of the integer coordinate times omega.
 */
function addPositions({ graph }: VisionGraph, size: number): ValueName {
  const name = `${PREFIX}.position`;
  const omega = graph.weight(`${name}.omega`, [size / 4], { kind: 'values', values: frequencies(size) });
  const parts = ['patch_cols', 'patch_rows'].flatMap((input) => {
    const real = graph.node(`${name}.${input}.float`, 'Cast', { inputs: [input], attributes: { to: int(1) } });
    const column = graph.node(`${name}.${input}.column`, 'Unsqueeze', { inputs: [real, graph.integers([-1])] });
    const angles = graph.node(`${name}.${input}.angles`, 'Mul', { inputs: [column, omega] });
    return ['Sin', 'Cos'].map((op) => graph.node(`${name}.${input}.${op.toLowerCase()}`, op, { inputs: [angles] }));
  });
  return graph.node(name, 'Concat', { inputs: parts, attributes: { axis: int(-1) } });
}

/** omega[j] = 1 / 10000 ** (j / (size / 4)), rounded to float32 at every step. */
function frequencies(size: number): Float32Array<ArrayBuffer> {
  const count = size / 4;
  return Float32Array.from({ length: count }, (_, j) => 1 / Math.fround(10_000 ** Math.fround(j / count)));
}

interface AttentionInputs {
  readonly queries: ValueName;
  readonly keys: ValueName;
  readonly values: ValueName;
}

/** `nn.MultiheadAttention` with packed weights: the rows of `in_proj` are query, key, value. */
function addAttention(context: VisionGraph, inputs: AttentionInputs, size: number, heads: number): ValueName {
  const { graph, weights } = context;
  const name = `${PREFIX}.attn`;
  const packed = `${name}.in_proj_weight`;
  weights.check(packed, [3 * size, size]);
  const project = (part: 'queries' | 'keys' | 'values', index: number): ValueName => {
    const runs = [{ tensor: packed, firstRow: index * size, rowCount: size }];
    const weight = { name: `${packed}.${part}`, runs, columns: size, outputs: size };
    return weights.multiplyStacked(`${name}.${part}`, inputs[part], weight);
  };
  const queries = graph.node(`${name}.queries.expanded`, 'Expand', {
    inputs: [project('queries', 0), addSliceShape(context)],
  });
  const attended = graph.node(`${name}.attention`, 'MultiHeadAttention', {
    domain: MICROSOFT_DOMAIN,
    inputs: [
      queries,
      project('keys', 1),
      project('values', 2),
      weights.plain(`${name}.in_proj_bias`, [3 * size]),
      addKeyMask(context),
    ],
    attributes: { num_heads: int(heads), mask_filter_value: float(MASKED_SCORE) },
  });
  return addLinear(context, `${name}.out_proj`, attended, [size, size]);
}

/** [S, 1, 1], to repeat the queries for every slice. */
function addSliceShape({ graph }: VisionGraph): ValueName {
  const slices = graph.node(`${PREFIX}.slices`, 'Shape', { inputs: ['patch_counts'] });
  return graph.node(`${PREFIX}.slices.shape`, 'Concat', {
    inputs: [slices, graph.integers([1, 1])],
    attributes: { axis: int(0) },
  });
}

/** int32 [S, L]: 1 for patches of the slice, 0 for padding. */
function addKeyMask({ graph }: VisionGraph): ValueName {
  const name = `${PREFIX}.mask`;
  const patches = graph.node(`${name}.patches`, 'Shape', {
    inputs: ['patch_rows'],
    attributes: { start: int(1), end: int(2) },
  });
  const count = graph.node(`${name}.count`, 'Squeeze', { inputs: [patches, graph.integers([0])] });
  const range = graph.node(`${name}.range`, 'Range', {
    inputs: [graph.integers([0], []), count, graph.integers([1], [])],
  });
  const counts = graph.node(`${name}.counts`, 'Unsqueeze', { inputs: ['patch_counts', graph.integers([1])] });
  const isPatch = graph.node(`${name}.is_patch`, 'Less', { inputs: [range, counts] });
  return graph.node(name, 'Cast', { inputs: [isPatch], attributes: { to: int(6) } });
}
