import type { ChannelValues, PreprocessorConfig } from './config.js';
import { DEFAULT_PREPROCESSOR_CONFIG } from './config.js';
import { InvalidArgumentError } from './errors.js';
import type { RgbImage } from './image.js';
import { assertRgbImage } from './image.js';
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

/** For each channel the normalised value of the 256 possible bytes: `(x / 255 - mean) / std`, each step rounded to float32. */
export type NormalizationTables = readonly [Float32Array, Float32Array, Float32Array];

const normalizationTable = (mean: number, std: number): Float32Array => {
  const [mean32, std32] = [Math.fround(mean), Math.fround(std)];
  return Float32Array.from({ length: 256 }, (_, byte) =>
    Math.fround(Math.fround(Math.fround(byte / 255) - mean32) / std32),
  );
};

/** Tables of a mean and deviation per channel. */
export const normalizationTables = (mean: ChannelValues, std: ChannelValues): NormalizationTables => [
  normalizationTable(mean[0], std[0]),
  normalizationTable(mean[1], std[1]),
  normalizationTable(mean[2], std[2]),
];

/** A slice that is filled row by row. */
export interface PatchWriter {
  readonly input: SliceInput;
  /** Writes the pixels of row `y` of the slice, which start at index `row.offset + x * 3` of `row.data`. */
  writeRow(y: number, row: Row, x: number): void;
}

/** An empty slice of the given size and the way to fill it. Row y of a slice is contiguous in the patch layout: only channels part. */
export const createPatchWriter = (size: SliceSize, patchSize: number, tables: NormalizationTables): PatchWriter => {
  const { width, height, patchGrid } = size;
  const pixelValues = new Float32Array(3 * width * height);
  const plane = width * height;
  const line = plane / patchSize;
  const [red, green, blue] = tables;
  const writeRow = (y: number, { data, offset }: Row, x: number): void => {
    let out = (y % patchSize) * line + Math.floor(y / patchSize) * width;
    const end = out + width;
    for (let read = offset + x * 3; out < end; out++, read += 3) {
      pixelValues[out] = red[data[read]!]!;
      pixelValues[out + plane] = green[data[read + 1]!]!;
      pixelValues[out + 2 * plane] = blue[data[read + 2]!]!;
    }
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
  const writer = createPatchWriter(size, patchSize, normalizationTables(normMean, normStd));
  for (let y = 0; y < height; y++) writer.writeRow(y, { data, offset: y * width * 3 }, 0);
  return writer.input;
};
