import { BackendError } from '@pocketlens/backend';
import type { KvShape } from '../kv-cache.js';
import { ATTRIBUTE, ATTRIBUTE_TYPE, DATA_TYPE, GRAPH, MODEL_GRAPH, NODE, VALUE } from './fields.js';
import { constant, integerAttribute, node } from './nodes.js';
import { changeMessage, integerField, messageField, readFields, textField, textsOf, writeFields } from './protobuf.js';
import type { Field } from './protobuf.js';

const ATTENTION = 'GroupQueryAttention';
/** Inputs of the operator before the two scales. */
const INPUTS_BEFORE_SCALES = 12;
const CACHE_VALUE = /^(past|new)\.\d+\.(key|value)$/;
const PAST_KEY = /^past\.(\d+)\.key$/;

/**
 * A decoder graph with float32 cache, changed to one with int8 cache: `past.*` and `new.*` become int8; the inputs
 * `scale.{i}.key` and `scale.{i}.value` float32 [1, kv heads, 1, head size] say what one step of each channel is worth;
 * the outputs `range.{i}.key` [kv heads, head size / 2] and `range.{i}.value` [kv heads, head size] give the largest
 * magnitudes among the new rows. Those of keys hold for both halves of a rotated pair, at every angle.
 *
 * Weights stay in the files beside the graph; nothing but the graph file is read.
 *
 * @throws {ModelFormatError} `MODEL_HEADER`
 * @throws {BackendError} `BACKEND_UNSUPPORTED` for a graph whose attention is not built as the converter does
 * @source ONNX Runtime, `docs/ContribOperators.md` (GroupQueryAttention: `k_quant_type`, `kv_cache_bit_width`)
 */
export function withInt8Cache(model: Uint8Array, shape: KvShape): Uint8Array {
  let changed = 0;
  const fields = changeMessage(readFields(model), MODEL_GRAPH, (graph) => {
    const added: Field[] = [];
    const kept = graph.map((field) => {
      if (typeof field.value === 'bigint') return field;
      if (field.number === GRAPH.input || field.number === GRAPH.output) return cacheValue(field, field.value);
      if (field.number !== GRAPH.node) return field;
      const node = readFields(field.value);
      if (textsOf(node, NODE.opType)[0] !== ATTENTION) return field;
      changed += 1;
      const layer = layerOf(node);
      added.push(...scaleInputs(layer, shape), ...rangeParts(node, layer, shape));
      return messageField(GRAPH.node, withScales(node, layer));
    });
    return [...kept, ...sharedConstants(shape), ...added];
  });
  if (changed !== shape.layers) throw unsupported(`${changed} ${ATTENTION} nodes, ${shape.layers} layers`);
  return writeFields(fields);
}

/** Names of what the changed graph has besides, key before value, layer by layer. */
export function int8Names({ layers }: KvShape, prefix: 'scale' | 'range'): readonly string[] {
  return Array.from({ length: layers }, (_, i) => [`${prefix}.${i}.key`, `${prefix}.${i}.value`]).flat();
}

function layerOf(node: readonly Field[]): number {
  const inputs = textsOf(node, NODE.input);
  const layer = PAST_KEY.exec(inputs[3] ?? '')?.[1];
  if (layer === undefined || inputs[1] !== '' || inputs[2] !== '') throw unsupported('attention without packed inputs');
  return Number(layer);
}

function withScales(node: readonly Field[], layer: number): readonly Field[] {
  const inputs = textsOf(node, NODE.input);
  const missing = Array.from({ length: INPUTS_BEFORE_SCALES - inputs.length }, () => '');
  const names = [...inputs, ...missing, `scale.${layer}.key`, `scale.${layer}.value`];
  return [
    ...names.map((name) => textField(NODE.input, name)),
    ...node.filter(({ number }) => number !== NODE.input),
    textAttribute('k_quant_type', 'PER_CHANNEL'),
    textAttribute('v_quant_type', 'PER_CHANNEL'),
    integerAttribute('kv_cache_bit_width', 8),
  ];
}

/** Makes the element type of a cache value int8; other values stay as they are. */
function cacheValue(field: Field, bytes: Uint8Array): Field {
  const value = readFields(bytes);
  if (!CACHE_VALUE.test(textsOf(value, VALUE.name)[0] ?? '')) return field;
  const asInt8 = (tensor: readonly Field[]): readonly Field[] =>
    tensor.map((part) => (part.number === 1 ? integerField(1, DATA_TYPE.int8) : part));
  return messageField(
    field.number,
    changeMessage(value, VALUE.type, (type) => changeMessage(type, 1, asInt8)),
  );
}

function scaleInputs(layer: number, { kvHeads, headDim }: KvShape): readonly Field[] {
  return ['key', 'value'].map((part) => valueField(GRAPH.input, `scale.${layer}.${part}`, [1, kvHeads, 1, headDim]));
}

/** Constants that the ranges of all layers use. */
function sharedConstants({ kvHeads, headDim }: KvShape): readonly Field[] {
  return [
    constant('int8.axis_0', [0]),
    constant('int8.axis_2', [2]),
    constant('int8.key_shape', [-1, kvHeads, 2, headDim / 2]),
    constant('int8.value_shape', [-1, kvHeads, headDim]),
  ];
}

/** Largest magnitudes of new keys, by rotated pair, and of new values. */
function rangeParts(attention: readonly Field[], layer: number, { kvHeads, headDim }: KvShape): readonly Field[] {
  const packed = textsOf(attention, NODE.input)[0] ?? '';
  const keysBegin = integerOf(attention, 'num_heads') * headDim;
  const valuesBegin = keysBegin + kvHeads * headDim;
  const name = (part: string): string => `int8.${layer}.${part}`;
  const bounds = [keysBegin, valuesBegin, valuesBegin + kvHeads * headDim];
  return [
    ...bounds.map((bound, index) => constant(name(`bound_${index}`), [bound])),
    node('Slice', [packed, name('bound_0'), name('bound_1'), 'int8.axis_2'], name('keys')),
    node('Reshape', [name('keys'), 'int8.key_shape'], name('key_pairs')),
    node('ReduceL2', [name('key_pairs'), 'int8.axis_2'], name('key_lengths'), [integerAttribute('keepdims', 0)]),
    node('ReduceMax', [name('key_lengths'), 'int8.axis_0'], `range.${layer}.key`, [integerAttribute('keepdims', 0)]),
    node('Slice', [packed, name('bound_1'), name('bound_2'), 'int8.axis_2'], name('values')),
    node('Reshape', [name('values'), 'int8.value_shape'], name('value_heads')),
    node('Abs', [name('value_heads')], name('value_sizes')),
    node('ReduceMax', [name('value_sizes'), 'int8.axis_0'], `range.${layer}.value`, [integerAttribute('keepdims', 0)]),
    valueField(GRAPH.output, `range.${layer}.key`, [kvHeads, headDim / 2]),
    valueField(GRAPH.output, `range.${layer}.value`, [kvHeads, headDim]),
  ];
}

function valueField(number: number, name: string, shape: readonly number[]): Field {
  const dimensions = shape.map((size) => messageField(1, [integerField(1, size)]));
  const tensor = [integerField(1, DATA_TYPE.float32), messageField(2, dimensions)];
  return messageField(number, [textField(VALUE.name, name), messageField(VALUE.type, [messageField(1, tensor)])]);
}

function textAttribute(name: string, value: string): Field {
  return messageField(NODE.attribute, [
    textField(ATTRIBUTE.name, name),
    textField(ATTRIBUTE.text, value),
    integerField(ATTRIBUTE.type, ATTRIBUTE_TYPE.text),
  ]);
}

function integerOf(node: readonly Field[], name: string): number {
  for (const { number, value } of node) {
    if (number !== NODE.attribute || typeof value === 'bigint') continue;
    const attribute = readFields(value);
    const integer = attribute.find((field) => field.number === ATTRIBUTE.integer)?.value;
    if (textsOf(attribute, ATTRIBUTE.name)[0] === name && typeof integer === 'bigint') return Number(integer);
  }
  throw unsupported(`attention without ${name}`);
}

function unsupported(found: string): BackendError {
  return new BackendError('BACKEND_UNSUPPORTED', `the decoder graph cannot have an int8 cache: ${found}`, {
    hint: "Convert the checkpoint again with this release, or use { kvCache: 'float32' }.",
  });
}
