import { MICROSOFT_DOMAIN } from '../onnx/model.js';
import type { Int4Scheme, QuantizationScheme } from '../quantization/scheme.js';
import type { QuantizedTensor } from '../quantization/tensor.js';
import { runLength, type RowRun, type TensorSource } from '../tensors/source.js';
import { int, type GraphBuilder, type ValueName } from './builder.js';

/** A linear layer's weight: rows of checked tensors, stacked. */
export interface LinearWeight {
  readonly name: string;
  readonly runs: readonly RowRun[];
  /** Elements of a row in the checkpoint. */
  readonly columns: number;
  readonly outputs: number;
  /** For every input the column of the stack, -1 for zeros; all columns in order when absent. */
  readonly select?: Int32Array;
  /** The rows of the checkpoint are inputs: [inputs, outputs]. */
  readonly isTransposed?: boolean;
}

/** MatMulNBits computes with 8-bit activations (`ContribOperators.md`: 4 is int8, 1 float32). */
const INT8_ACTIVATIONS = 4;
const ACTIVATION_STEPS = 127;
const ACTIVATION_ZERO = 128;
/** Rows of zeros get this magnitude, so that their scale can be divided by. */
const SMALLEST_MAGNITUDE = 1e-30;

/** Multiplies `input` [.., inputs] by a quantised weight: [.., outputs], float32. */
export function addQuantizedLinear(
  graph: GraphBuilder,
  name: ValueName,
  input: ValueName,
  weight: LinearWeight,
  scheme: QuantizationScheme,
): ValueName {
  return scheme.bits === 4
    ? addInt4(graph, { name, input, tensor: tensorOf(weight, scheme) }, scheme)
    : addInt8(graph, { name, input, tensor: tensorOf(weight, scheme) });
}

function tensorOf(weight: LinearWeight, scheme: QuantizationScheme): QuantizedTensor {
  const { name, runs, columns, outputs, select, isTransposed = false } = weight;
  const base = { runs, columns };
  const source: TensorSource = isTransposed
    ? { kind: 'transposed', ...base }
    : { kind: 'rows', ...base, ...(select === undefined ? {} : { select }) };
  const stacked = runs.reduce((sum, run) => sum + runLength(run), 0);
  return { name, source, outputs, inputs: isTransposed ? stacked : (select?.length ?? columns), scheme };
}

interface Layer {
  readonly name: ValueName;
  readonly input: ValueName;
  readonly tensor: QuantizedTensor;
}

function addInt4(graph: GraphBuilder, { name, input, tensor }: Layer, { blockSize }: Int4Scheme): ValueName {
  const { outputs, inputs } = tensor;
  const blocks = Math.ceil(inputs / blockSize);
  const array = { quantized: tensor } as const;
  const codes = graph.quantizedWeight({
    ...array,
    name: `${tensor.name}.int4`,
    part: 'codes',
    dataType: 'uint8',
    shape: [outputs, blocks, blockSize / 2],
  });
  const scales = graph.quantizedWeight({
    ...array,
    name: `${tensor.name}.scales`,
    part: 'scales',
    dataType: 'float32',
    shape: [outputs, blocks],
  });
  const zeroPoints = graph.quantizedWeight({
    ...array,
    name: `${tensor.name}.zero_points`,
    part: 'zeroPoints',
    dataType: 'uint8',
    shape: [outputs, Math.ceil(blocks / 2)],
  });
  return graph.node(name, 'MatMulNBits', {
    domain: MICROSOFT_DOMAIN,
    inputs: [input, codes, scales, zeroPoints],
    attributes: {
      K: int(inputs),
      N: int(outputs),
      bits: int(4),
      block_size: int(blockSize),
      accuracy_level: int(INT8_ACTIVATIONS),
    },
  });
}

/**
 * Integer product of 8-bit activations, a scale for every row of them, and int8 weights, a scale for every output. Standard
 * operators alone, so that every engine runs it; a scale for a whole tensor of activations would drown in the few large
 * channels of a language model.
 */
function addInt8(graph: GraphBuilder, { name, input, tensor }: Layer): ValueName {
  const { outputs, inputs } = tensor;
  const codes = graph.quantizedWeight({
    quantized: tensor,
    name: `${tensor.name}.int8`,
    part: 'codes',
    dataType: 'int8',
    shape: [inputs, outputs],
  });
  const scales = graph.quantizedWeight({
    quantized: tensor,
    name: `${tensor.name}.scales`,
    part: 'scales',
    dataType: 'float32',
    shape: [outputs],
  });
  const activations = addActivationCodes(graph, input);
  const product = graph.node(`${name}.product`, 'MatMulInteger', {
    inputs: [activations.codes, codes, graph.byte(ACTIVATION_ZERO)],
  });
  const real = graph.node(`${name}.float`, 'Cast', { inputs: [product], attributes: { to: int(1) } });
  const scaled = graph.node(`${name}.scaled`, 'Mul', { inputs: [real, scales] });
  return graph.node(name, 'Mul', { inputs: [scaled, activations.scale] });
}

/** Rounds every row to 1..255 around 128. Layers that share an input share this. */
function addActivationCodes(
  graph: GraphBuilder,
  input: ValueName,
): { readonly codes: ValueName; readonly scale: ValueName } {
  const name = `${input}.int8`;
  const [codes, scale] = [name, `${name}.scale`];
  if (graph.has(codes)) return { codes, scale };
  const magnitude = graph.node(`${name}.magnitude`, 'Abs', { inputs: [input] });
  const largest = graph.node(`${name}.largest`, 'ReduceMax', { inputs: [magnitude, graph.integers([-1])] });
  const bounded = graph.node(`${name}.bounded`, 'Max', { inputs: [largest, graph.scalar(SMALLEST_MAGNITUDE)] });
  graph.node(scale, 'Div', { inputs: [bounded, graph.scalar(ACTIVATION_STEPS)] });
  const inverse = graph.node(`${name}.inverse`, 'Div', { inputs: [graph.scalar(ACTIVATION_STEPS), bounded] });
  const steps = graph.node(`${name}.steps`, 'Mul', { inputs: [input, inverse] });
  const rounded = graph.node(`${name}.rounded`, 'Round', { inputs: [steps] });
  const shifted = graph.node(`${name}.shifted`, 'Add', { inputs: [rounded, graph.scalar(ACTIVATION_ZERO)] });
  graph.node(codes, 'Cast', { inputs: [shifted], attributes: { to: int(2) } });
  return { codes, scale };
}
