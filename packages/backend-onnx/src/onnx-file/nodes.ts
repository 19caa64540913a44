import { ATTRIBUTE, ATTRIBUTE_TYPE, DATA_TYPE, GRAPH, NODE, TENSOR } from './fields.js';
import { bytesField, integerField, messageField, textField } from './protobuf.js';
import type { Field } from './protobuf.js';

/** A node of a graph with one output. */
export function node(
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Field[] = [],
): Field {
  return messageField(GRAPH.node, [
    ...inputs.map((input) => textField(NODE.input, input)),
    textField(NODE.output, output),
    textField(NODE.name, `${output}.node`),
    textField(NODE.opType, opType),
    ...attributes,
  ]);
}

/** Int64 numbers `[n]`, or with a typed array float32 numbers. */
export function constant(name: string, values: readonly number[] | Float32Array<ArrayBuffer>): Field {
  const isFloat = values instanceof Float32Array;
  return messageField(GRAPH.initializer, [
    integerField(TENSOR.dims, values.length),
    integerField(TENSOR.dataType, isFloat ? DATA_TYPE.float32 : DATA_TYPE.int64),
    textField(TENSOR.name, name),
    bytesField(TENSOR.rawData, new Uint8Array(isFloat ? values.buffer : BigInt64Array.from(values, BigInt).buffer)),
  ]);
}

export function integerAttribute(name: string, value: number): Field {
  return messageField(NODE.attribute, [
    textField(ATTRIBUTE.name, name),
    integerField(ATTRIBUTE.integer, value),
    integerField(ATTRIBUTE.type, ATTRIBUTE_TYPE.integer),
  ]);
}
