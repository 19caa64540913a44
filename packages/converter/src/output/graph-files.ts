import { dirname, join } from 'node:path';
import { encodeModel } from '../onnx/encode.js';
import { ONNX_ELEMENT_BYTES, type OnnxExternalTensor } from '../onnx/model.js';
import type { GraphDefinition, GraphWeight } from '../graphs/builder.js';
import { HashedFile } from './hashed-file.js';
import type { OutputContext, WrittenFile } from './output.js';
import { WeightReader } from './weight-reader.js';

/** Weights begin at multiples of this, so that engines can map them (a memory page). */
const ALIGNMENT = 4096;

/**
 * Writes a graph and, beside it, the file of its weights: `{path}` and `{path}_data`.
 *
 * @param path - of the graph file, relative to the model directory, with `/`
 */
export async function writeGraph(
  graph: GraphDefinition,
  path: string,
  context: OutputContext,
): Promise<readonly WrittenFile[]> {
  const dataPath = `${path}_data`;
  const location = dataPath.slice(dirname(dataPath).length + 1);
  const weights = placeWeights(graph.weights, location);
  const data = await writeWeights(graph.weights, weights, dataPath, context);
  const bytes = encodeModel({ ...graph, initializers: [...graph.constants, ...weights] });
  const file = await HashedFile.create(join(context.directory, path));
  try {
    await file.write(bytes);
  } catch (error) {
    await file.abandon();
    throw error;
  }
  return [{ path, ...(await file.finish()) }, data];
}

/** Bytes that the weights of a graph take, for progress. */
export function weightBytes(graph: GraphDefinition): number {
  return graph.weights.reduce((sum, weight) => sum + storedBytes(weight), 0);
}

function storedBytes({ shape, dataType }: GraphWeight): number {
  return shape.reduce((product, size) => product * size, ONNX_ELEMENT_BYTES[dataType]);
}

function placeWeights(weights: readonly GraphWeight[], location: string): readonly OnnxExternalTensor[] {
  let position = 0;
  return weights.map((weight) => {
    const offset = Math.ceil(position / ALIGNMENT) * ALIGNMENT;
    const byteLength = storedBytes(weight);
    position = offset + byteLength;
    return { name: weight.name, dataType: weight.dataType, shape: weight.shape, location, offset, byteLength };
  });
}

async function writeWeights(
  weights: readonly GraphWeight[],
  places: readonly OnnxExternalTensor[],
  path: string,
  context: OutputContext,
): Promise<WrittenFile> {
  const { offset: lastOffset = 0, byteLength: lastBytes = 0 } = places.at(-1) ?? {};
  const file = await context.open(path, lastOffset + lastBytes);
  const reader = new WeightReader(context);
  try {
    for (const [index, weight] of weights.entries()) {
      const { offset = 0, byteLength = 0 } = places[index] ?? {};
      if (file.size >= offset + byteLength) {
        context.onResumed(path, byteLength);
        continue;
      }
      await file.padTo(offset);
      for await (const bytes of reader.read(weight)) {
        await file.write(bytes);
        context.onBytes(path, bytes.byteLength);
      }
      // The arrays of a quantised matrix are made together: a later run can only go on behind the last of them.
      const next = weights[index + 1];
      if (next === undefined || !('quantized' in next) || next.part === 'codes') await file.checkpoint();
    }
    return await file.finish();
  } catch (error) {
    await file.abandon().catch(() => undefined);
    throw error;
  }
}
