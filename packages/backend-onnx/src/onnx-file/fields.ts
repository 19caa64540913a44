// Field numbers of the messages of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
export const MODEL_GRAPH = 7;
export const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
export const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 } as const;
export const VALUE = { name: 1, type: 2 } as const;
export const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9 } as const;
export const ATTRIBUTE = { name: 1, integer: 3, text: 4, type: 20 } as const;
export const ATTRIBUTE_TYPE = { integer: 2, text: 3 } as const;
export const DATA_TYPE = { float32: 1, int8: 3, int64: 7 } as const;
