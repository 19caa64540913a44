/** Fractional bits of the integer weights: 32 less 8 for the pixel and 2 for the sign and the overshoot (`PRECISION_BITS`). */
export const PRECISION_BITS = 22;

/** Half of the last kept bit: every accumulator starts with it, so that the final shift rounds. */
export const ROUNDING_HALF: number = 1 << (PRECISION_BITS - 1);

/** The integer weights of one axis. */
export interface AxisWeights {
  /** First input position that output `i` reads. */
  readonly first: Int32Array;
  /** How many input positions output `i` reads. */
  readonly taps: Int32Array;
  /** Distance between the weights of two neighbouring outputs: the most taps that any output has. */
  readonly stride: number;
  /** Weight `t` of output `i` stands at `i * stride + t`; zero beyond `taps[i]`. */
  readonly weights: Int32Array;
}

const A = -0.5;

/** Keys' cubic convolution kernel with a = -0.5, in the evaluation order of Pillow's `bicubic_filter`. */
const bicubic = (position: number): number => {
  const x = Math.abs(position);
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * A;
  return 0;
};

/**
 * Weights that bring `inputSize` positions to `outputSize`: anti-aliased (the kernel widens with the shrink factor), cut at the
 * border and normalised, then rounded to integers. Equal to Pillow's bit by bit.
 *
 * @source Pillow 10.1, `src/libImaging/Resample.c`, `precompute_coeffs` and `normalize_coeffs_8bpc`
 */
export const axisWeights = (inputSize: number, outputSize: number): AxisWeights => {
  const scale = inputSize / outputSize;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  const inverse = 1 / filterScale;
  const stride = Math.min(Math.ceil(support) * 2 + 1, inputSize);
  const first = new Int32Array(outputSize);
  const taps = new Int32Array(outputSize);
  const weights = new Int32Array(outputSize * stride);
  const real = new Float64Array(stride);
  for (let i = 0; i < outputSize; i++) {
    const center = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(inputSize, Math.trunc(center + support + 0.5)) - low;
    let sum = 0;
    for (let t = 0; t < count; t++) {
      const weight = bicubic((t + low - center + 0.5) * inverse);
      real[t] = weight;
      sum += weight;
    }
    for (let t = 0; t < count; t++) {
      // A division by the sum, not a product with its inverse: the last bit differs.
      const weight = sum === 0 ? real[t]! : real[t]! / sum;
      weights[i * stride + t] = Math.trunc(weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5));
    }
    first[i] = low;
    taps[i] = count;
  }
  return { first, taps, stride, weights };
};
