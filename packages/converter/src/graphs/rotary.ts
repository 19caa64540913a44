import type { LanguageConfig } from '../config.js';
import type { RowRun } from '../tensors/source.js';

/** GroupQueryAttention takes head sizes that are a multiple of 16 when it rotates. */
const HEAD_DIM_STEP = 16;

/**
 * Width of a head in the graph and in the cache: the model's own, rounded up to a multiple of 16.
 *
 * Wider heads are filled with zeros at the end of each half, so that the rotation pairs stay together; zeros add nothing
 * to scores or sums.
 */
export function cachedHeadDim({ headDim }: LanguageConfig): number {
  return Math.ceil(headDim / HEAD_DIM_STEP) * HEAD_DIM_STEP;
}

/** Rows of a projection [heads * head size, inputs], each half of a head filled up with zero rows where needed. */
export function paddedHeadRuns(tensor: string, heads: number, language: LanguageConfig): readonly RowRun[] {
  const { headDim } = language;
  const zeroRows = (cachedHeadDim(language) - headDim) / 2;
  if (zeroRows === 0) return [{ tensor, firstRow: 0, rowCount: heads * headDim }];
  return Array.from({ length: heads * 2 }, (_, half): readonly RowRun[] => [
    { tensor, firstRow: half * (headDim / 2), rowCount: headDim / 2 },
    { zeroRows },
  ]).flat();
}

/** For every column of the filled-up heads: the column of the output projection that it meets, -1 for filling. */
export function headSelection(language: LanguageConfig): Int32Array {
  const half = language.headDim / 2;
  const cachedHalf = cachedHeadDim(language) / 2;
  return Int32Array.from({ length: language.heads * 2 * cachedHalf }, (_, column) => {
    const place = column % cachedHalf;
    return place < half ? Math.floor(column / cachedHalf) * half + place : -1;
  });
}

/**
 * Cosines and sines of the rotary position embedding, float32 [positions, cached head size / 2], rounded to float32 at
 * the steps where the published code rounds.
 *
 * @source transformers `modeling_llama.py` `LlamaRotaryEmbedding`
 */
export function rotaryTables(language: LanguageConfig): {
  readonly cos: Float32Array<ArrayBuffer>;
  readonly sin: Float32Array<ArrayBuffer>;
} {
  const { headDim, maxPositions, ropeTheta } = language;
  const half = headDim / 2;
  const width = cachedHeadDim(language) / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => {
    const exponent = Math.fround((2 * i) / headDim);
    return 1 / Math.fround(ropeTheta ** exponent);
  });
  const cos = new Float32Array(maxPositions * width).fill(1);
  const sin = new Float32Array(maxPositions * width);
  for (let position = 0; position < maxPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * width + i] = Math.cos(angle);
      sin[position * width + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
