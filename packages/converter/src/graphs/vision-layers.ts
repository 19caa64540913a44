import { float, int, type GraphBuilder, type ValueName } from './builder.js';
import type { CheckpointWeights } from './weights.js';

/** What the graph functions of the vision side share. */
export interface VisionGraph {
  readonly graph: GraphBuilder;
  readonly weights: CheckpointWeights;
}

/** LayerNormalization over the last dimension with the checkpoint's weight and bias. */
export function addLayerNorm(
  { graph, weights }: VisionGraph,
  name: string,
  input: ValueName,
  { size, epsilon }: { readonly size: number; readonly epsilon: number },
): ValueName {
  return graph.node(name, 'LayerNormalization', {
    inputs: [input, weights.plain(`${name}.weight`, [size]), weights.plain(`${name}.bias`, [size])],
    attributes: { axis: int(-1), epsilon: float(epsilon) },
  });
}

/** A linear layer with bias. */
export function addLinear(
  { graph, weights }: VisionGraph,
  name: string,
  input: ValueName,
  [outputs, inputs]: readonly [outputs: number, inputs: number],
): ValueName {
  const product = weights.multiply(`${name}.matmul`, input, `${name}.weight`, [outputs, inputs]);
  return graph.node(name, 'Add', { inputs: [product, weights.plain(`${name}.bias`, [outputs])] });
}
