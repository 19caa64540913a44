import type { PreprocessorConfig } from './config.js';
import { DEFAULT_PREPROCESSOR_CONFIG, sliceOptionsOf } from './config.js';
import type { DecodeImage, DecodeOptions, DecodedImage } from './decode/decode-image.js';
import type { ImageInput } from './decode/image-input.js';
import { InvalidImageError, throwIfAborted } from './errors.js';
import type { ImageWarning, RgbImage } from './image.js';
import { assertRgbImage } from './image.js';
import { createNormalizer } from './normalize.js';
import type { PatchWriter, SliceInput } from './patches.js';
import { createPatchWriter } from './patches.js';
import type { Row } from './resize/row.js';
import { resizeRows } from './resize/bicubic.js';
import type { SlicePlan } from './slice-plan.js';
import { planSlices } from './slice-plan.js';

/** The longer side over the shorter one, up to which the model was trained. */
export const TRAINED_ASPECT_RATIO = 9;

/** How long rows are computed before other work and an abort get their turn, in milliseconds. */
const TURN_MS = 40;

/** Configuration of the model and ways to read the picture; every field has a default. */
export interface PreprocessOptions extends Partial<PreprocessorConfig>, DecodeOptions {
  /** Ratio of the sides beyond which a picture is refused with `IMAGE_ASPECT_RATIO`; by default none is. */
  readonly maxAspectRatio?: number;
}

/** A picture as the model takes it. */
export interface ImageInputs {
  /** The overview first, then the cells row by row. */
  readonly slices: readonly SliceInput[];
  readonly plan: SlicePlan;
  readonly warnings: readonly ImageWarning[];
}

const isRgbImage = (image: ImageInput | RgbImage): image is RgbImage | DecodedImage =>
  typeof image === 'object' && image !== null && 'data' in image && 'width' in image && 'height' in image;

const aspectWarnings = ({ width, height }: RgbImage, limit: number | undefined): ImageWarning[] => {
  const ratio = Math.max(width / height, height / width);
  const details = { width, height, ratio, trained: TRAINED_ASPECT_RATIO };
  if (limit !== undefined && ratio > limit) {
    throw new InvalidImageError(
      'IMAGE_ASPECT_RATIO',
      `Expected an aspect ratio of at most ${limit} but the picture of ${width} x ${height} has ${ratio.toFixed(1)}`,
      {
        hint: 'Cut the picture into parts, or raise maxAspectRatio',
        details,
      },
    );
  }
  if (ratio <= TRAINED_ASPECT_RATIO) return [];
  const message = `The aspect ratio of the picture is ${ratio.toFixed(1)}; the model was trained up to ${TRAINED_ASPECT_RATIO.toFixed(1)}`;
  return [{ code: 'IMAGE_ASPECT_RATIO', message, details }];
};

const decodeWarnings = (image: RgbImage | DecodedImage): readonly ImageWarning[] =>
  'warnings' in image ? image.warnings : [];

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Hands all rows to `write`, in turns, so that a large picture neither blocks the event loop nor an abort. */
const consumeRows = async (
  rows: Iterable<Row>,
  write: (y: number, row: Row) => void,
  signal: AbortSignal | undefined,
): Promise<void> => {
  let turnEnds = performance.now() + TURN_MS;
  let y = 0;
  for (const row of rows) {
    write(y, row);
    y += 1;
    if (performance.now() < turnEnds) continue;
    await nextTurn();
    throwIfAborted(signal);
    turnEnds = performance.now() + TURN_MS;
  }
};

/** Resizes once to the overview and once to the refined picture, whose rows go straight into the patches of their cells. */
const slicesOf = async (
  image: RgbImage,
  plan: SlicePlan,
  config: PreprocessorConfig,
  signal: AbortSignal | undefined,
): Promise<SliceInput[]> => {
  const normalizeRow = createNormalizer(config.normMean, config.normStd);
  const overview = createPatchWriter(plan.source, config.patchSize, normalizeRow);
  const overviewRows = resizeRows(image, plan.source.width, plan.source.height);
  await consumeRows(overviewRows, (y, row) => overview.writeRow(y, row, 0), signal);
  if (plan.refined === null || plan.grid === null) return [overview.input];

  const [columns] = plan.grid;
  const cells: PatchWriter[] = plan.slices.map((cell) => createPatchWriter(cell, config.patchSize, normalizeRow));
  const cellWidth = plan.refined.width / columns;
  const cellHeight = (plan.refined.height * columns) / cells.length;
  const writeRefinedRow = (y: number, row: Row): void => {
    const top = Math.floor(y / cellHeight);
    cells
      .slice(top * columns, (top + 1) * columns)
      .forEach((cell, column) => cell.writeRow(y % cellHeight, row, column * cellWidth));
  };
  await consumeRows(resizeRows(image, plan.refined.width, plan.refined.height), writeRefinedRow, signal);
  return [overview.input, ...cells.map((cell) => cell.input)];
};

/** A picture to patches. */
export type Preprocess = (image: ImageInput | RgbImage, options?: PreprocessOptions) => Promise<ImageInputs>;

/** `preprocess` with the decoder of a platform. */
export const createPreprocess =
  (decodeImage: DecodeImage): Preprocess =>
  async (image, options = {}) => {
    const config: PreprocessorConfig = { ...DEFAULT_PREPROCESSOR_CONFIG, ...options };
    throwIfAborted(options.signal);
    const pixels = isRgbImage(image) ? image : await decodeImage(image, options);
    assertRgbImage(pixels);
    const warnings = [...decodeWarnings(pixels), ...aspectWarnings(pixels, options.maxAspectRatio)];
    const plan = planSlices(pixels.width, pixels.height, sliceOptionsOf(config));
    const slices = await slicesOf(pixels, plan, config, options.signal);
    return { slices, plan, warnings };
  };
