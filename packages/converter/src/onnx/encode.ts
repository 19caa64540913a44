import {
  MICROSOFT_DOMAIN,
  ONNX_DATA_TYPE,
  ONNX_IR_VERSION,
  ONNX_OPSET,
  type OnnxAttribute,
  type OnnxExternalTensor,
  type OnnxGraph,
  type OnnxInlineTensor,
  type OnnxNode,
  type OnnxValue,
} from './model.js';
import { ProtobufWriter } from './protobuf-writer.js';

const PRODUCER = 'pocketlens';
const DATA_LOCATION_EXTERNAL = 1;
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/**
 * Encodes a graph as an ONNX file: IR 10, opset 21, `com.microsoft` 1.
 *
 * @source https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers)
 */
export function encodeModel(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  return new ProtobufWriter()
    .integer(1, ONNX_IR_VERSION)
    .string(2, PRODUCER)
    .message(7, encodeGraph(graph))
    .message(8, encodeOperatorSet('', ONNX_OPSET))
    .message(8, encodeOperatorSet(MICROSOFT_DOMAIN, 1))
    .finish();
}

function encodeOperatorSet(domain: string, version: number): ProtobufWriter {
  return new ProtobufWriter().string(1, domain).integer(2, version);
}

function encodeGraph(graph: OnnxGraph): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const node of graph.nodes) writer.message(1, encodeNode(node));
  writer.string(2, graph.name);
  for (const tensor of graph.initializers) writer.message(5, encodeTensor(tensor));
  for (const value of graph.inputs) writer.message(11, encodeValue(value));
  for (const value of graph.outputs) writer.message(12, encodeValue(value));
  return writer;
}

function encodeNode(node: OnnxNode): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  writer.string(3, node.name).string(4, node.opType);
  for (const [name, attribute] of Object.entries(node.attributes)) writer.message(5, encodeAttribute(name, attribute));
  if (node.domain !== '') writer.string(7, node.domain);
  return writer;
}

function encodeAttribute(name: string, attribute: OnnxAttribute): ProtobufWriter {
  const writer = new ProtobufWriter().string(1, name);
  switch (attribute.type) {
    case 'float':
      writer.float(2, attribute.value);
      break;
    case 'int':
      writer.integer(3, attribute.value);
      break;
    case 'string':
      writer.string(4, attribute.value);
      break;
    case 'ints':
      for (const value of attribute.value) writer.integer(8, value);
      break;
  }
  return writer.integer(20, ATTRIBUTE_TYPE[attribute.type]);
}

function encodeTensor(tensor: OnnxInlineTensor | OnnxExternalTensor): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const size of tensor.shape) writer.integer(1, size);
  writer.integer(2, ONNX_DATA_TYPE[tensor.dataType]).string(8, tensor.name);
  if ('rawData' in tensor) return writer.bytes(9, tensor.rawData);
  return writer
    .message(13, encodeStringPair('location', tensor.location))
    .message(13, encodeStringPair('offset', String(tensor.offset)))
    .message(13, encodeStringPair('length', String(tensor.byteLength)))
    .integer(14, DATA_LOCATION_EXTERNAL);
}

function encodeStringPair(key: string, value: string): ProtobufWriter {
  return new ProtobufWriter().string(1, key).string(2, value);
}

function encodeValue(value: OnnxValue): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const size of value.shape) {
    const dimension = new ProtobufWriter();
    shape.message(1, typeof size === 'number' ? dimension.integer(1, size) : dimension.string(2, size));
  }
  const tensorType = new ProtobufWriter().integer(1, ONNX_DATA_TYPE[value.dataType]).message(2, shape);
  return new ProtobufWriter().string(1, value.name).message(2, new ProtobufWriter().message(1, tensorType));
}
