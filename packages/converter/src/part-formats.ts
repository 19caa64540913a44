import { InvalidArgumentError } from './errors.js';
import { preview } from './json.js';
import type { PartDtype, PartQuantization } from './output/manifest.js';
import {
  BLOCK_SIZES,
  ROUNDINGS,
  plainDtype,
  type BlockSize,
  type Rounding,
  type WeightFormat,
} from './quantization/scheme.js';
import type { StoredDtype } from './tensors/float.js';

export interface QuantizationOptions {
  /** Weights that share a scale in `q4`: 32, 64 or 128; default 64. Smaller blocks are more exact, larger and slower. */
  readonly blockSize?: BlockSize;
  /** How scales are found in `q4`; default `least-squares`. `max-abs` converts faster and is less exact. */
  readonly rounding?: Rounding;
}

/** How the parts of a model are stored in one dtype. */
export interface PartFormats {
  /** Of the files' names. */
  readonly suffix: string;
  readonly vision: WeightFormat;
  readonly decoder: WeightFormat;
  readonly embedding: StoredDtype;
}

/** The largest blocks with which least squares keeps the quality of Q4_0, the common int4 format (see the README). */
const DEFAULT_BLOCK_SIZE: BlockSize = 64;

/** Storage types by name, in the order in which help texts list them. */
export const PART_DTYPES: readonly PartDtype[] = ['fp32', 'fp16', 'int8', 'q4'];

/**
 * Formats of the parts in a dtype.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for an unknown block size or rounding
 */
export function partFormats(dtype: PartDtype, options: QuantizationOptions): PartFormats {
  const { blockSize = DEFAULT_BLOCK_SIZE, rounding = 'least-squares' } = options;
  if (!BLOCK_SIZES.includes(blockSize)) throw outOfRange('blockSize', blockSize, BLOCK_SIZES);
  if (!ROUNDINGS.includes(rounding)) throw outOfRange('rounding', rounding, ROUNDINGS);
  switch (dtype) {
    case 'fp32':
      return uniform('', 'float32');
    case 'fp16':
      return uniform('_fp16', 'float16');
    case 'int8':
      return uniform('_quantized', { bits: 8 });
    case 'q4':
      return { ...uniform('_q4', { bits: 8 }), decoder: { bits: 4, blockSize, rounding } };
  }
}

function uniform(suffix: string, format: WeightFormat): PartFormats {
  return { suffix, vision: format, decoder: format, embedding: plainDtype(format) };
}

function outOfRange(option: string, value: unknown, known: readonly unknown[]): InvalidArgumentError {
  return new InvalidArgumentError('ARGUMENT_RANGE', `${option} ${preview(value)}; known are ${known.join(', ')}`);
}

/** What the manifest says about a part's quantisation; nothing for one that is not quantised. */
export function quantizationOf(format: WeightFormat): { readonly quantization?: PartQuantization } {
  if (typeof format === 'string') return {};
  if (format.bits === 8) return { quantization: { bits: 8, method: 'max-abs' } };
  return { quantization: { bits: 4, blockSize: format.blockSize, method: format.rounding } };
}
