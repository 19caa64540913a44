import type { CheckpointConfig, LanguageConfig } from '../config.js';
import { MICROSOFT_DOMAIN } from '../onnx/model.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import { plainDtype, type WeightFormat } from '../quantization/scheme.js';
import { GraphBuilder, float, int, type GraphDefinition, type ValueName } from './builder.js';
import { cachedHeadDim, headSelection, paddedHeadRuns, rotaryTables } from './rotary.js';
import { CheckpointWeights } from './weights.js';

const PREFIX = 'llm.model';
/** Name of the embedding table in a checkpoint. */
export const EMBEDDING_TENSOR = 'llm.model.embed_tokens.weight';

/** ONNX Runtime folds constants of up to 1 GiB (`constant_folding.cc`). */
const MAX_FOLDED_BYTES = 1_073_741_824;

interface DecoderGraph {
  readonly graph: GraphBuilder;
  readonly weights: CheckpointWeights;
  readonly language: LanguageConfig;
}

/** A hidden state and its normalised form. */
interface Stream {
  readonly hidden: ValueName;
  readonly normed: ValueName;
}

/**
 * Builds the language model: one graph for prefill, decoding and verification, batch of one.
 *
 * Inputs: `inputs_embeds` float32 [1, n, hidden]; `past.{i}.key`, `past.{i}.value` float32 [1, kv heads, capacity, head
 * size], of which the first `kv_start` rows count; `seqlens_k` int32 [1] = past + n - 1; `total_sequence_length` int32
 * scalar = past + n; `kv_start`, `kv_end` int64 [1] = past, past + n; `logits_index` int64 [m], positions among the n
 * that need logits (m may be 0). Outputs: `logits` float32 [1, m, vocabulary]; `new.{i}.key`, `new.{i}.value` float32
 * [1, kv heads, n, head size], the new cache rows alone.
 *
 * @param maxFoldedBytes - largest float32 constant that the engine makes of a float16 one at load; default 1 GiB
 * @throws {ModelFormatError} `MODEL_CONFIG` or `MODEL_DTYPE` when a tensor is missing or not as the config says
 * @source transformers `modeling_llama.py`; ONNX Runtime `ContribOperators.md` (GroupQueryAttention)
 */
export function buildDecoder(
  checkpoint: Checkpoint,
  config: CheckpointConfig,
  format: WeightFormat,
  maxFoldedBytes: number = MAX_FOLDED_BYTES,
): GraphDefinition {
  const { language } = config;
  const graph = new GraphBuilder('decoder_model_merged', plainDtype(format));
  const context = { graph, weights: new CheckpointWeights(checkpoint, graph, format), language };
  addInputs(context);
  const rotary = addRotaryTables(context);
  let stream: Stream = { hidden: 'inputs_embeds', normed: addFirstNorm(context) };
  for (let layer = 0; layer < language.layers; layer++) stream = addLayer(context, stream, layer, rotary);
  addHead(context, stream.normed, format === 'float16' ? maxFoldedBytes : Infinity);
  return graph.finish();
}

/**
 * Projects to the vocabulary. A float16 head is cut along the vocabulary where its float32 form is too large for the
 * engine to make at load; otherwise it would be widened again at every step.
 */
function addHead({ graph, weights, language }: DecoderGraph, input: ValueName, maxBytes: number): void {
  const { vocabSize, hiddenSize } = language;
  const tensor = language.tieWordEmbeddings ? EMBEDDING_TENSOR : 'llm.lm_head.weight';
  weights.check(tensor, [vocabSize, hiddenSize]);
  const count = Math.max(1, Math.ceil((vocabSize * hiddenSize * 4) / maxBytes));
  const parts = Array.from({ length: count }, (_, part) => {
    const firstRow = Math.floor((vocabSize * part) / count);
    const rowCount = Math.floor((vocabSize * (part + 1)) / count) - firstRow;
    const name = count === 1 ? tensor : `${tensor}.part.${part}`;
    const weight = { name, runs: [{ tensor, firstRow, rowCount }], columns: hiddenSize, outputs: rowCount };
    return weights.multiplyStacked(count === 1 ? 'logits' : `logits.part.${part}`, input, weight);
  });
  if (count > 1) graph.node('logits', 'Concat', { inputs: parts, attributes: { axis: int(-1) } });
}

function addInputs({ graph, language }: DecoderGraph): void {
  const { kvHeads, hiddenSize, vocabSize } = language;
  const headDim = cachedHeadDim(language);
  graph.input('inputs_embeds', 'float32', [1, 'sequence', hiddenSize]);
  graph.input('seqlens_k', 'int32', [1]);
  graph.input('total_sequence_length', 'int32', []);
  graph.input('kv_start', 'int64', [1]);
  graph.input('kv_end', 'int64', [1]);
  graph.input('logits_index', 'int64', ['logits_rows']);
  graph.output('logits', 'float32', [1, 'logits_rows', vocabSize]);
  for (let layer = 0; layer < language.layers; layer++) {
    for (const part of ['key', 'value']) {
      graph.input(`past.${layer}.${part}`, 'float32', [1, kvHeads, 'capacity', headDim]);
      graph.output(`new.${layer}.${part}`, 'float32', [1, kvHeads, 'sequence', headDim]);
    }
  }
}

function addRotaryTables({ graph, language }: DecoderGraph): readonly [cos: ValueName, sin: ValueName] {
  const { cos, sin } = rotaryTables(language);
  const shape = [language.maxPositions, cachedHeadDim(language) / 2];
  return [
    graph.weight('rotary.cos', shape, { kind: 'values', values: cos }),
    graph.weight('rotary.sin', shape, { kind: 'values', values: sin }),
  ];
}

function addFirstNorm({ graph, weights, language }: DecoderGraph): ValueName {
  const name = `${PREFIX}.layers.0.input_layernorm`;
  return graph.node(name, 'SimplifiedLayerNormalization', {
    inputs: ['inputs_embeds', weights.plain(`${name}.weight`, [language.hiddenSize])],
    attributes: { axis: int(-1), epsilon: float(language.rmsNormEpsilon), stash_type: int(1) },
  });
}

/** Adds a residual branch to the hidden state and normalises the sum, in one operator. */
function addSkipNorm(context: DecoderGraph, name: string, branch: ValueName, hidden: ValueName): Stream {
  const { graph, weights, language } = context;
  const sum = `${name}.sum`;
  const normed = graph.node(name, 'SkipSimplifiedLayerNormalization', {
    domain: MICROSOFT_DOMAIN,
    inputs: [branch, hidden, weights.plain(`${name}.weight`, [language.hiddenSize])],
    attributes: { epsilon: float(language.rmsNormEpsilon) },
    outputs: [name, '', '', sum],
  });
  return { hidden: sum, normed };
}

type RotaryTables = readonly [cos: ValueName, sin: ValueName];

function addLayer(context: DecoderGraph, input: Stream, layer: number, rotary: RotaryTables): Stream {
  const { graph, weights, language } = context;
  const name = `${PREFIX}.layers.${layer}`;
  const isLast = layer === language.layers - 1;
  const attended = addAttention(context, input.normed, layer, rotary);
  // After the last attention only the rows with logits matter: the rest of the layer runs on them alone.
  const pick = (value: ValueName, suffix: string): ValueName =>
    isLast
      ? graph.node(`${name}.${suffix}`, 'Gather', { inputs: [value, 'logits_index'], attributes: { axis: int(1) } })
      : value;
  const outWidth = language.heads * cachedHeadDim(language);
  const outWeight = `${name}.self_attn.o_proj.weight`;
  weights.check(outWeight, [language.hiddenSize, language.heads * language.headDim]);
  const projected = weights.multiplyStacked(`${name}.self_attn.o_proj`, pick(attended, 'attended_rows'), {
    name: outWeight,
    runs: [{ tensor: outWeight, firstRow: 0, rowCount: language.hiddenSize }],
    columns: language.heads * language.headDim,
    outputs: language.hiddenSize,
    ...(outWidth === language.heads * language.headDim ? {} : { select: headSelection(language) }),
  });
  const middle = addSkipNorm(context, `${name}.post_attention_layernorm`, projected, pick(input.hidden, 'hidden_rows'));
  const branch = addMlp(context, `${name}.mlp`, middle.normed);
  const nextNorm = isLast ? `${PREFIX}.norm` : `${PREFIX}.layers.${layer + 1}.input_layernorm`;
  return addSkipNorm(context, nextNorm, branch, middle.hidden);
}

function addAttention(context: DecoderGraph, input: ValueName, layer: number, rotary: RotaryTables): ValueName {
  const { graph, weights, language } = context;
  const { heads, kvHeads, headDim, hiddenSize } = language;
  const name = `${PREFIX}.layers.${layer}.self_attn`;
  const parts = [
    { tensor: `${name}.q_proj.weight`, count: heads },
    { tensor: `${name}.k_proj.weight`, count: kvHeads },
    { tensor: `${name}.v_proj.weight`, count: kvHeads },
  ];
  for (const { tensor, count } of parts) weights.check(tensor, [count * headDim, hiddenSize]);
  const qkv = weights.multiplyStacked(`${name}.qkv_proj`, input, {
    name: `${name}.qkv_proj.weight`,
    runs: parts.flatMap(({ tensor, count }) => paddedHeadRuns(tensor, count, language)),
    columns: hiddenSize,
    outputs: (heads + 2 * kvHeads) * cachedHeadDim(language),
  });
  const past = [`past.${layer}.key`, `past.${layer}.value`];
  const attended = graph.node(name, 'GroupQueryAttention', {
    domain: MICROSOFT_DOMAIN,
    inputs: [qkv, '', '', ...past, 'seqlens_k', 'total_sequence_length', ...rotary],
    attributes: {
      num_heads: int(heads),
      kv_num_heads: int(kvHeads),
      do_rotary: int(1),
      rotary_interleaved: int(0),
      scale: float(1 / Math.sqrt(headDim)),
    },
    outputs: [name, `${name}.present_key`, `${name}.present_value`],
  });
  for (const part of ['key', 'value']) {
    graph.node(`new.${layer}.${part}`, 'Slice', {
      inputs: [`${name}.present_${part}`, 'kv_start', 'kv_end', graph.integers([2])],
    });
  }
  return attended;
}

/** SwiGLU: down(silu(gate(x)) * up(x)). QuickGelu with alpha 1 is silu. */
function addMlp({ graph, weights, language }: DecoderGraph, name: string, input: ValueName): ValueName {
  const { hiddenSize, intermediateSize } = language;
  const project = (part: string, from: ValueName, shape: readonly [number, number]): ValueName =>
    weights.multiply(`${name}.${part}`, from, `${name}.${part}.weight`, shape);
  const gate = project('gate_proj', input, [intermediateSize, hiddenSize]);
  const up = project('up_proj', input, [intermediateSize, hiddenSize]);
  const active = graph.node(`${name}.silu`, 'QuickGelu', {
    domain: MICROSOFT_DOMAIN,
    inputs: [gate],
    attributes: { alpha: float(1) },
  });
  const product = graph.node(`${name}.product`, 'Mul', { inputs: [active, up] });
  return project('down_proj', product, [hiddenSize, intermediateSize]);
}
