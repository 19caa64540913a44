export type { ChannelValues, PreprocessorConfig } from './config.js';
export { DEFAULT_PREPROCESSOR_CONFIG, parsePreprocessorConfig, sliceOptionsOf } from './config.js';
export type { DecodedImage, DecodeImage, DecodeMode, DecodeOptions } from './decode/decode-image.js';
export { DEFAULT_LIMITS } from './decode/decode-image.js';
export type { ImageHeader } from './decode/image-header.js';
export { readImageHeader } from './decode/image-header.js';
export type { BitmapInput, ImageInput } from './decode/image-input.js';
export type { ImageFormat } from './decode/sniff-format.js';
export type { InvalidImageErrorCode } from './errors.js';
export {
  AbortError,
  ImageDecoderMissingError,
  InvalidArgumentError,
  InvalidImageError,
  isPocketlensError,
  PocketlensError,
} from './errors.js';
export type { ImageWarning, RgbImage } from './image.js';
export type { SliceInput } from './patches.js';
export { toPatches } from './patches.js';
export type { PreprocessBatch, PreprocessBatchOptions } from './preprocess-batch.js';
export type { ImageInputs, Preprocess, PreprocessOptions } from './preprocess.js';
export { TRAINED_ASPECT_RATIO } from './preprocess.js';
export { resizeBicubic } from './resize/bicubic.js';
export { sliceImage } from './slice-image.js';
export type { SliceCell, SliceOptions, SlicePlan, SliceSize } from './slice-plan.js';
export { planSlices } from './slice-plan.js';
