import { basename } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import { WEIGHT_DTYPES, isWeightDtype } from '../tensors/float.js';
import type { RowRun } from '../tensors/source.js';
import type { GraphBuilder, ValueName } from './builder.js';

/** Adds weights of a checkpoint to a graph, after a check of their names, shapes and types. */
export class CheckpointWeights {
  readonly #checkpoint: Checkpoint;
  readonly #graph: GraphBuilder;

  constructor(checkpoint: Checkpoint, graph: GraphBuilder) {
    this.#checkpoint = checkpoint;
    this.#graph = graph;
  }

  /** A tensor as it lies in the checkpoint; a matrix is [first dimension, the rest] to the reader. */
  plain(name: string, shape: readonly number[]): ValueName {
    checkTensor(this.#checkpoint, name, shape);
    const [rowCount = 1, ...rest] = shape;
    const columns = rest.reduce((product, size) => product * size, 1);
    return this.#graph.weight(name, shape, { kind: 'rows', runs: [{ tensor: name, firstRow: 0, rowCount }], columns });
  }

  /** A linear layer's weight [outputs, inputs] (or more dimensions flattened), stored as [inputs, outputs] for MatMul. */
  linear(name: string, shape: readonly number[]): ValueName {
    checkTensor(this.#checkpoint, name, shape);
    const [outputs = 1, ...rest] = shape;
    const columns = rest.reduce((product, size) => product * size, 1);
    return this.stackedLinear(name, [{ tensor: name, firstRow: 0, rowCount: outputs }], { columns, outputs });
  }

  /** Rows of several checked tensors stacked, then stored as [inputs, outputs] for MatMul. */
  stackedLinear(
    name: string,
    runs: readonly RowRun[],
    size: { readonly columns: number; readonly outputs: number; readonly select?: Int32Array },
  ): ValueName {
    const { columns, outputs, select } = size;
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

  /** Checks a tensor that is then used by `stackedLinear`. */
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
