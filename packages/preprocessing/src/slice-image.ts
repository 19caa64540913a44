import type { PreprocessorConfig } from './config.js';
import { DEFAULT_PREPROCESSOR_CONFIG, sliceOptionsOf } from './config.js';
import type { RgbImage } from './image.js';
import { assertRgbImage } from './image.js';
import { resizeBicubic } from './resize/bicubic.js';
import { planSlices } from './slice-plan.js';

const crop = (image: RgbImage, left: number, top: number, width: number, height: number): RgbImage => {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + width * 3), y * width * 3);
  }
  return { width, height, data };
};

/**
 * Cuts a picture into the slices that the model sees: the overview first, then the cells row by row. Both are resized from the
 * original picture.
 *
 * @returns as many pictures as `planSlices` has slices, plus the overview, in the sizes it says
 * @throws {InvalidArgumentError} when the picture's sizes and data do not agree or an option is out of range
 * @source MiniCPM-Llama3-V-2_5, `image_processing_minicpmv.py`, `slice_image` and `split_to_patches`
 */
export const sliceImage = (image: RgbImage, config: Partial<PreprocessorConfig> = {}): RgbImage[] => {
  assertRgbImage(image);
  const plan = planSlices(image.width, image.height, sliceOptionsOf({ ...DEFAULT_PREPROCESSOR_CONFIG, ...config }));
  const overview = resizeBicubic(image, plan.source.width, plan.source.height);
  if (plan.refined === null) return [overview];
  const refined = resizeBicubic(image, plan.refined.width, plan.refined.height);
  return [
    overview,
    ...plan.slices.map(({ row, col, width, height }) => crop(refined, col * width, row * height, width, height)),
  ];
};
