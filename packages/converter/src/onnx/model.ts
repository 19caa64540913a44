/** Element types of ONNX tensors that the converter writes (`TensorProto.DataType`). */
export const ONNX_DATA_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

export type OnnxDataType = keyof typeof ONNX_DATA_TYPE;

/** Bytes of one element. */
export const ONNX_ELEMENT_BYTES: Readonly<Record<OnnxDataType, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
};

/** Domain of ONNX Runtime's own operators. */
export const MICROSOFT_DOMAIN = 'com.microsoft';

export const ONNX_OPSET = 21;
export const ONNX_IR_VERSION = 10;

export type OnnxAttribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] };

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  /** An empty name is an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of a graph; named dimensions are free. */
export interface OnnxValue {
  readonly name: string;
  readonly dataType: OnnxDataType;
  readonly shape: readonly (number | string)[];
}

interface OnnxTensorBase {
  readonly name: string;
  readonly dataType: OnnxDataType;
  readonly shape: readonly number[];
}

/** A small constant, stored in the graph file. */
export interface OnnxInlineTensor extends OnnxTensorBase {
  readonly rawData: Uint8Array;
}

/** A weight, stored in a file beside the graph file. */
export interface OnnxExternalTensor extends OnnxTensorBase {
  readonly location: string;
  readonly offset: number;
  readonly byteLength: number;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly (OnnxInlineTensor | OnnxExternalTensor)[];
}
