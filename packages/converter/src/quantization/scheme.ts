import type { StoredDtype } from '../tensors/float.js';

/** Weights that share a scale and a zero point in int4 storage. */
export type BlockSize = 32 | 64 | 128;

export const BLOCK_SIZES: readonly BlockSize[] = [32, 64, 128];

/**
 * How scales of int4 blocks are found: `least-squares` searches the scale and zero point with the smallest squared error, `max-abs` takes
 * the scale from the largest value alone: many times faster and less exact.
 */
export type Rounding = 'least-squares' | 'max-abs';

export const ROUNDINGS: readonly Rounding[] = ['least-squares', 'max-abs'];

/** 4 bits a weight, a float32 scale and a 4-bit zero point for every block along a row. */
export interface Int4Scheme {
  readonly bits: 4;
  readonly blockSize: BlockSize;
  readonly rounding: Rounding;
}

/** Signed 8 bits a weight, a float32 scale for every output; activations become 8 bits with a scale for every row. */
export interface Int8Scheme {
  readonly bits: 8;
}

export type QuantizationScheme = Int4Scheme | Int8Scheme;

/** How the matrices of linear layers are stored. */
export type WeightFormat = StoredDtype | QuantizationScheme;

/** Storage of the matrices that are never quantised: tables and the patch kernel. */
export function plainDtype(format: WeightFormat): StoredDtype {
  return typeof format === 'string' ? format : 'float16';
}
