import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';
import { ONNX_DATA_TYPE, ONNX_ELEMENT_BYTES, type OnnxDataType } from './model.js';
import { readFields, readPackedIntegers, type ProtobufField } from './protobuf-reader.js';

/** An initializer of an ONNX file. */
export interface OnnxWeight {
  readonly name: string;
  readonly dataType: OnnxDataType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** File and offset of its data, when they lie outside the graph file. The name is unchecked: resolve it inside. */
  readonly external?: { readonly location: string; readonly offset: number };
}

const GRAPH_FIELD = 7;
const INITIALIZER_FIELD = 5;
const MAX_DIMENSIONS = 8;

/**
 * Lists the initializers of an ONNX file; their data is not read.
 *
 * @throws {ModelFormatError} `MODEL_HEADER` for bytes that are no ONNX, `MODEL_DTYPE`, `MODEL_TENSOR_BOUNDS`
 */
export function readOnnxWeights(file: Uint8Array, label: string): readonly OnnxWeight[] {
  const weights: OnnxWeight[] = [];
  for (const field of readFields(file, label)) {
    if (field.number !== GRAPH_FIELD || field.bytes === undefined) continue;
    for (const inner of readFields(field.bytes, label)) {
      if (inner.number === INITIALIZER_FIELD && inner.bytes !== undefined) weights.push(readTensor(inner.bytes, label));
    }
  }
  return weights;
}

function readTensor(bytes: Uint8Array, label: string): OnnxWeight {
  const fields = [...readFields(bytes, label)];
  const name = text(fields.find(({ number }) => number === 8));
  const where = `${label}: initializer ${preview(name)}`;
  const dataType = dataTypeOf(fields.find(({ number }) => number === 2)?.integer, where);
  const dimensions = fields.filter(({ number }) => number === 1).flatMap((field) => readPackedIntegers(field, label));
  const byteLength = dimensions.reduce((product, size) => product * size, BigInt(ONNX_ELEMENT_BYTES[dataType]));
  if (dimensions.length > MAX_DIMENSIONS || byteLength > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${where}: shape [${dimensions.slice(0, MAX_DIMENSIONS).join(', ')}]`,
    );
  }
  const weight = { name, dataType, shape: dimensions.map(Number), byteLength: Number(byteLength) };
  const external = readExternal(fields, label);
  const location = external.get('location');
  if (location === undefined) return weight;
  checkExternal(external, weight.byteLength, where);
  return { ...weight, external: { location, offset: Number(external.get('offset') ?? '0') } };
}

function dataTypeOf(value: bigint | undefined, where: string): OnnxDataType {
  const entry = Object.entries(ONNX_DATA_TYPE).find(([, code]) => BigInt(code) === value);
  // The table's keys are the data types.
  if (entry !== undefined) return entry[0] as OnnxDataType;
  const known = Object.entries(ONNX_DATA_TYPE).map(([name, code]) => `${code} ${name}`);
  throw new ModelFormatError('MODEL_DTYPE', `${where}: data type ${value ?? 'absent'}; known are ${known.join(', ')}`);
}

function readExternal(fields: readonly ProtobufField[], label: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const { number, bytes } of fields) {
    if (number !== 13 || bytes === undefined) continue;
    const pair = [...readFields(bytes, label)];
    pairs.set(text(pair.find(({ number }) => number === 1)), text(pair.find(({ number }) => number === 2)));
  }
  return pairs;
}

function checkExternal(external: ReadonlyMap<string, string>, byteLength: number, where: string): void {
  const offset = external.get('offset') ?? '0';
  const length = external.get('length') ?? String(byteLength);
  if (!/^\d{1,15}$/.test(offset) || length !== String(byteLength)) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${where}: external data at ${offset.slice(0, 20)}, ${length.slice(0, 20)} bytes; its shape takes ${byteLength}`,
    );
  }
}

function text(field: ProtobufField | undefined): string {
  return new TextDecoder().decode(field?.bytes ?? new Uint8Array());
}
