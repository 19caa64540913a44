import { basename } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import { WEIGHT_DTYPES, isWeightDtype } from '../tensors/float.js';
import type { WeightFormat } from '../quantization/scheme.js';
import { runLength } from '../tensors/source.js';
import type { GraphBuilder, ValueName } from './builder.js';
import { addQuantizedLinear, type LinearWeight } from './linear.js';

/** Adds weights of a checkpoint to a graph, after a check of their names, shapes and types. */
export class CheckpointWeights {
  readonly #checkpoint: Checkpoint;
  readonly #graph: GraphBuilder;
  readonly #format: WeightFormat;

  /** `format` is how the matrices of linear layers are stored. */
  constructor(checkpoint: Checkpoint, graph: GraphBuilder, format: WeightFormat) {
    this.#checkpoint = checkpoint;
    this.#graph = graph;
    this.#format = format;
  }

  /** A tensor as it lies in the checkpoint; a matrix is [first dimension, the rest] to the reader. */
  plain(name: string, shape: readonly number[]): ValueName {
    checkTensor(this.#checkpoint, name, shape);
    const [rowCount = 1, ...rest] = shape;
    const columns = rest.reduce((product, size) => product * size, 1);
    return this.#graph.weight(name, shape, { kind: 'rows', runs: [{ tensor: name, firstRow: 0, rowCount }], columns });
  }

  /** Multiplies `input` by a linear layer's weight [outputs, inputs], checked here; a layer `name` without bias. */
  multiply(
    name: ValueName,
    input: ValueName,
    tensor: string,
    [outputs, columns]: readonly [number, number],
  ): ValueName {
    checkTensor(this.#checkpoint, tensor, [outputs, columns]);
    return this.multiplyStacked(name, input, {
      name: tensor,
      runs: [{ tensor, firstRow: 0, rowCount: outputs }],
      columns,
      outputs,
    });
  }

  /** Multiplies `input` by stacked rows of checked tensors, stored in the graph's format. */
  multiplyStacked(name: ValueName, input: ValueName, weight: LinearWeight): ValueName {
    if (typeof this.#format !== 'string') return addQuantizedLinear(this.#graph, name, input, weight, this.#format);
    return this.#graph.node(name, 'MatMul', { inputs: [input, this.plainLinear(weight)] });
  }

  /** A linear layer's weight as float32 [inputs, outputs] for MatMul, stored in the graph's unquantised type. */
  plainLinear({ name, runs, columns, outputs, select, isTransposed = false }: LinearWeight): ValueName {
    if (isTransposed) {
      const rowCount = runs.reduce((sum, run) => sum + runLength(run), 0);
      return this.#graph.weight(name, [rowCount, columns], { kind: 'rows', runs, columns });
    }
    const source = { kind: 'transposed' as const, runs, columns };
    return this.#graph.weight(
      `${name}.transposed`,
      [select?.length ?? columns, outputs],
      select === undefined ? source : { ...source, select },
    );
  }

  /** Vectors one after the other. */
  stackedVectors(name: string, parts: readonly string[], size: number): ValueName {
    for (const part of parts) checkTensor(this.#checkpoint, part, [size]);
    const runs = parts.map((tensor) => ({ tensor, firstRow: 0, rowCount: size }));
    return this.#graph.weight(name, [size * parts.length], { kind: 'rows', runs, columns: 1 });
  }

  /** Checks a tensor that is then used by `multiplyStacked` or `plainLinear`. */
  check(name: string, shape: readonly number[]): void {
    checkTensor(this.#checkpoint, name, shape);
  }
}

/**
 * Checks that a checkpoint has a tensor of this shape in a type that the converter reads.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` when it is missing or shaped otherwise, `MODEL_DTYPE`
 */
export function checkTensor(checkpoint: Checkpoint, name: string, shape: readonly number[]): void {
  const tensor = checkpoint.tensor(name);
  if (tensor.shape.join() !== shape.join()) {
    throw new ModelFormatError(
      'MODEL_CONFIG',
      `tensor ${preview(name)} of ${basename(checkpoint.directory)} has shape [${tensor.shape.join(', ')}], ` +
        `config.json asks for [${shape.join(', ')}]`,
    );
  }
  if (!isWeightDtype(tensor.dtype)) {
    throw new ModelFormatError(
      'MODEL_DTYPE',
      `tensor ${preview(name)} has dtype ${tensor.dtype}; weights are ${WEIGHT_DTYPES.join(', ')}`,
    );
  }
}
