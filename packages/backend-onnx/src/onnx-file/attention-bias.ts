import { DATA_TYPE, GRAPH, MODEL_GRAPH, NODE } from './fields.js';
import { constant, integerAttribute, node } from './nodes.js';
import { changeMessage, messageField, readFields, textField, textsOf, writeFields } from './protobuf.js';
import type { Field } from './protobuf.js';

const ATTENTION = 'MultiHeadAttention';
/** Places of the operator's inputs. */
const [QUERY, MASK, BIAS] = [0, 4, 5] as const;
/** Added to the scores of padding: what is left of it after softmax is 0. */
const MASKED_SCORE = -1e9;

/**
 * A graph whose attention takes its key mask, int32 [slices, keys], as what is added to the scores, float32
 * [slices, 1, queries, keys]: the same values for engines that know no masks. Other graphs stay as they are.
 *
 * Weights stay in the files beside the graph; nothing but the graph file is read.
 *
 * @throws {ModelFormatError} `MODEL_HEADER`
 * @source ONNX Runtime, `docs/ContribOperators.md` (MultiHeadAttention: `key_padding_mask`, `attention_bias`)
 */
export function withAttentionBias(model: Uint8Array): Uint8Array {
  let changed = 0;
  const fields = changeMessage(readFields(model), MODEL_GRAPH, (graph) => {
    const constants: Field[] = [];
    const nodes = graph.flatMap((field) => {
      if (field.number !== GRAPH.node || typeof field.value === 'bigint') return [field];
      const attention = readFields(field.value);
      const inputs = textsOf(attention, NODE.input);
      if (textsOf(attention, NODE.opType)[0] !== ATTENTION || (inputs[MASK] ?? '') === '') return [field];
      const prefix = `attention_bias.${changed++}`;
      constants.push(...biasConstants(prefix));
      return [...biasNodes(prefix, inputs), withBias(attention, inputs, `${prefix}.bias`)];
    });
    return [...nodes, ...constants];
  });
  return changed === 0 ? model : writeFields(fields);
}

function withBias(attention: readonly Field[], inputs: readonly string[], bias: string): Field {
  const names = [...inputs];
  names[MASK] = '';
  names[BIAS] = bias;
  return messageField(GRAPH.node, [
    ...names.map((name) => textField(NODE.input, name)),
    ...attention.filter(({ number }) => number !== NODE.input),
  ]);
}

function biasConstants(prefix: string): readonly Field[] {
  return [
    constant(`${prefix}.one`, Float32Array.of(1)),
    constant(`${prefix}.masked_score`, Float32Array.of(-MASKED_SCORE)),
    constant(`${prefix}.inner_axes`, [1, 2]),
    constant(`${prefix}.single`, [1]),
  ];
}

/** (mask - 1) * 1e9, repeated for every query. */
function biasNodes(prefix: string, inputs: readonly string[]): readonly Field[] {
  const name = (part: string): string => `${prefix}.${part}`;
  const shapeOfQueries = [integerAttribute('start', 1), integerAttribute('end', 2)];
  return [
    node('Cast', [inputs[MASK]!], name('mask'), [integerAttribute('to', DATA_TYPE.float32)]),
    node('Sub', [name('mask'), name('one')], name('padding')),
    node('Mul', [name('padding'), name('masked_score')], name('scores')),
    node('Unsqueeze', [name('scores'), name('inner_axes')], name('row')),
    node('Shape', [inputs[QUERY]!], name('queries'), shapeOfQueries),
    node('Concat', [name('single'), name('single'), name('queries'), name('single')], name('shape'), [
      integerAttribute('axis', 0),
    ]),
    node('Expand', [name('row'), name('shape')], name('bias')),
  ];
}
