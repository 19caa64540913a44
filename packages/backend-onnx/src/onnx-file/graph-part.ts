import { BackendError } from '@pocketlens/backend';
import { GRAPH, MODEL_GRAPH, NODE, TENSOR, VALUE } from './fields.js';
import { changeMessage, readFields, textsOf, writeFields } from './protobuf.js';
import type { Field } from './protobuf.js';

/**
 * The part of a graph that computes some of its outputs: other outputs, and the nodes, inputs and weights that only they
 * need, are left out. Weights stay in the files beside the graph; nothing but the graph file is read.
 *
 * @throws {ModelFormatError} `MODEL_HEADER`
 * @throws {BackendError} `BACKEND_UNSUPPORTED` when the graph has no such output
 */
export function graphPart(model: Uint8Array, outputs: readonly string[]): Uint8Array {
  return writeFields(changeMessage(readFields(model), MODEL_GRAPH, (graph) => partOf(graph, outputs)));
}

function partOf(graph: readonly Field[], outputs: readonly string[]): readonly Field[] {
  const needed = new Set(outputs);
  const kept = new Set<Field>();
  // ONNX lists nodes after those that they take values from, so that one way back sees everything.
  for (const field of graph.toReversed()) {
    if (field.number !== GRAPH.node || typeof field.value === 'bigint') continue;
    const node = readFields(field.value);
    if (!textsOf(node, NODE.output).some((name) => needed.has(name))) continue;
    kept.add(field);
    for (const name of textsOf(node, NODE.input)) needed.add(name);
  }
  const wanted = new Set(outputs);
  const part = graph.filter((field) => {
    if (field.number === GRAPH.node) return kept.has(field);
    if (field.number === GRAPH.output) return wanted.delete(nameOf(field, VALUE.name));
    if (field.number === GRAPH.initializer) return needed.has(nameOf(field, TENSOR.name));
    if (field.number === GRAPH.input || field.number === GRAPH.valueInfo) return needed.has(nameOf(field, VALUE.name));
    return true;
  });
  if (wanted.size === 0) return part;
  throw new BackendError('BACKEND_UNSUPPORTED', `the graph has no output ${[...wanted].join(', ')}`);
}

function nameOf({ value }: Field, number: number): string {
  return typeof value === 'bigint' ? '' : (textsOf(readFields(value), number)[0] ?? '');
}
