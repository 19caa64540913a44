import type { PreprocessorConfig } from './config.js';
import { DEFAULT_PREPROCESSOR_CONFIG } from './config.js';
import { InvalidArgumentError } from './errors.js';
import type { RgbImage } from './image.js';
import { assertRgbImage } from './image.js';
import type { NormalizeRow } from './normalize.js';
import { createNormalizer } from './normalize.js';
import type { Row } from './resize/row.js';
import type { SliceSize } from './slice-plan.js';

/** One slice as the vision tower takes it. */
export interface SliceInput {
  /**
   * [3, patchSize, patchSize * patches]: the patches side by side, row-major; element [c, i, p * patchSize + j] is channel c of pixel
   * (row i, column j) of patch p.
   */
  readonly pixelValues: Float32Array;
  /** [rows, columns] of patches. */
  readonly targetSize: readonly [number, number];
}

/** A slice that is filled row by row. */
export interface PatchWriter {
  readonly input: SliceInput;
  /** Writes the pixels of row `y` of the slice, which start at index `row.offset + x * 3` of `row.data`. */
  writeRow(y: number, row: Row, x: number): void;
}

/** An empty slice of the given size and the way to fill it. Row y of a slice is contiguous in the patch layout: only channels part. */
export const createPatchWriter = (size: SliceSize, patchSize: number, normalizeRow: NormalizeRow): PatchWriter => {
  const { width, height, patchGrid } = size;
  const pixelValues = new Float32Array(3 * width * height);
  const plane = width * height;
  const line = plane / patchSize;
  const writeRow = (y: number, { data, offset }: Row, x: number): void => {
    const start = offset + x * 3;
    const at = (y % patchSize) * line + Math.floor(y / patchSize) * width;
    normalizeRow(data.subarray(start, start + width * 3), pixelValues, at, plane);
  };
  return { input: { pixelValues, targetSize: patchGrid }, writeRow };
};

/**
 * Normalises a slice and lays its patches side by side.
 *
 * @param slice - RGB, both sides multiples of the patch size
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when a side is no multiple of the patch size or the data has the wrong length
 * @source MiniCPM-Llama3-V-2_5, `image_processing_minicpmv.py`, `reshape_by_patch`
 */
export const toPatches = (slice: RgbImage, config: Partial<PreprocessorConfig> = {}): SliceInput => {
  assertRgbImage(slice);
  const { patchSize, normMean, normStd } = { ...DEFAULT_PREPROCESSOR_CONFIG, ...config };
  const { width, height, data } = slice;
  if (width % patchSize !== 0 || height % patchSize !== 0) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `Expected sides that are multiples of ${patchSize} for slice but received ${width} x ${height}`,
      {
        hint: 'Cut the picture with sliceImage first',
        details: { width, height, patchSize },
      },
    );
  }
  const size: SliceSize = { width, height, patchGrid: [height / patchSize, width / patchSize] };
  const writer = createPatchWriter(size, patchSize, createNormalizer(normMean, normStd));
  for (let y = 0; y < height; y++) writer.writeRow(y, { data, offset: y * width * 3 }, 0);
  return writer.input;
};
