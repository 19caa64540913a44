import type {
  MICROSOFT_DOMAIN,
  OnnxAttribute,
  OnnxDataType,
  OnnxInlineTensor,
  OnnxNode,
  OnnxValue,
} from '../onnx/model.js';
import type { QuantizedPart, QuantizedTensor } from '../quantization/tensor.js';
import type { StoredDtype } from '../tensors/float.js';
import type { TensorSource } from '../tensors/source.js';

/** A weight of a graph: its stored form and where its values come from. */
export type GraphWeight = PlainWeight | QuantizedWeight;

/** A weight stored as it is, or rounded to float16. */
export interface PlainWeight {
  readonly name: string;
  readonly dataType: StoredDtype;
  readonly shape: readonly number[];
  readonly source: TensorSource;
}

/** One of the arrays that a quantised matrix consists of; those of one matrix follow each other, codes first. */
export interface QuantizedWeight {
  readonly name: string;
  readonly dataType: 'uint8' | 'int8' | 'float32';
  readonly shape: readonly number[];
  readonly quantized: QuantizedTensor;
  readonly part: QuantizedPart;
}

/** A finished graph whose weights are still in the checkpoint. */
export interface GraphDefinition {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly constants: readonly OnnxInlineTensor[];
  readonly weights: readonly GraphWeight[];
}

/** Name of a value inside a graph. */
export type ValueName = string;

/** Inputs and attributes of a node. */
export interface NodeOptions {
  readonly domain?: typeof MICROSOFT_DOMAIN;
  readonly inputs: readonly ValueName[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Names of the outputs; default one, named like the node. An empty name leaves an output out. */
  readonly outputs?: readonly ValueName[];
}

export const int = (value: number): OnnxAttribute => ({ type: 'int', value });
export const float = (value: number): OnnxAttribute => ({ type: 'float', value });
export const ints = (...value: number[]): OnnxAttribute => ({ type: 'ints', value });

/** Collects the nodes, constants and weights of a graph. Every value is named by its node's path. */
export class GraphBuilder {
  readonly #name: string;
  readonly #weightDataType: StoredDtype;
  readonly #nodes: OnnxNode[] = [];
  readonly #nodeNames = new Set<string>();
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #constants = new Map<string, OnnxInlineTensor>();
  readonly #weights: GraphWeight[] = [];

  /** `weightDataType` is how unquantised matrices are stored; vectors and computed tables stay float32. */
  constructor(name: string, weightDataType: StoredDtype) {
    this.#name = name;
    this.#weightDataType = weightDataType;
  }

  input(name: string, dataType: OnnxDataType, shape: readonly (number | string)[]): ValueName {
    this.#inputs.push({ name, dataType, shape });
    return name;
  }

  output(name: string, dataType: OnnxDataType, shape: readonly (number | string)[]): void {
    this.#outputs.push({ name, dataType, shape });
  }

  /** Adds a node and returns its first output. */
  node(name: string, opType: string, options: NodeOptions): ValueName {
    const outputs = options.outputs ?? [name];
    this.#nodeNames.add(name);
    this.#nodes.push({
      name,
      opType,
      domain: options.domain ?? '',
      inputs: options.inputs,
      outputs,
      attributes: options.attributes ?? {},
    });
    return outputs[0] ?? name;
  }

  /** A small int64 constant; equal ones are shared. A scalar when `shape` is empty. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): ValueName {
    const name = `const.int64.${shape.length}d.${values.join('_')}`;
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.#constants.set(name, { name, dataType: 'int64', shape, rawData });
    return name;
  }

  /** A float32 number in the graph file; equal ones are shared. */
  scalar(value: number): ValueName {
    const name = `const.float32.${value}`;
    const rawData = new Uint8Array(Float32Array.of(value).buffer);
    this.#constants.set(name, { name, dataType: 'float32', shape: [], rawData });
    return name;
  }

  /** A whole number of 0..255 in the graph file; equal ones are shared. */
  byte(value: number): ValueName {
    const name = `const.uint8.${value}`;
    this.#constants.set(name, { name, dataType: 'uint8', shape: [], rawData: Uint8Array.of(value) });
    return name;
  }

  /** Whether a node of this name was added. */
  has(name: string): boolean {
    return this.#nodeNames.has(name);
  }

  /** One array of a quantised matrix, as the operators take it. */
  quantizedWeight(weight: QuantizedWeight): ValueName {
    this.#weights.push(weight);
    return weight.name;
  }

  /** A weight as float32, whatever its stored type: a Cast that the engine folds at load follows a float16 one. */
  weight(name: string, shape: readonly number[], source: TensorSource): ValueName {
    const isMatrix = shape.length > 1 && source.kind !== 'values';
    const dataType = isMatrix ? this.#weightDataType : 'float32';
    this.#weights.push({ name, dataType, shape, source });
    if (dataType === 'float32') return name;
    return this.node(`${name}.float32`, 'Cast', { inputs: [name], attributes: { to: int(1) } });
  }

  finish(): GraphDefinition {
    return {
      name: this.#name,
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: this.#outputs,
      constants: [...this.#constants.values()],
      weights: this.#weights,
    };
  }
}
