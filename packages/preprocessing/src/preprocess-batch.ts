import type { ImageInput } from './decode/image-input.js';
import type { PocketlensError } from './errors.js';
import { AbortError, assertInteger, InvalidArgumentError, InvalidImageError } from './errors.js';
import type { RgbImage } from './image.js';
import type { ImageInputs, Preprocess, PreprocessOptions } from './preprocess.js';

/** Options of every picture of a batch, and of the batch. */
export interface PreprocessBatchOptions extends PreprocessOptions {
  /** Most pictures; by default any number. */
  readonly maxImages?: number;
}

/** Several pictures to patches. */
export type PreprocessBatch = (
  images: readonly (ImageInput | RgbImage)[],
  options?: PreprocessBatchOptions,
) => Promise<ImageInputs[]>;

/** Pictures in work at a time: one decodes in native threads while another is resized. More would only need more memory. */
const CONCURRENCY = 2;

const assertCount = (count: number, maxImages: number | undefined): void => {
  if (maxImages === undefined) return;
  assertInteger('maxImages', maxImages, 1);
  if (count <= maxImages) return;
  throw new InvalidArgumentError('ARGUMENT_RANGE', `Expected at most ${maxImages} images but received ${count}`, {
    hint: 'Pass fewer images, or raise maxImages',
    details: { received: count, maxImages },
  });
};

/** The same error, saying which of several pictures it is about. */
const placed = (error: unknown, index: number, count: number): unknown => {
  const message = (text: string): string => (count === 1 ? text : `Image ${index + 1} of ${count}: ${text}`);
  const options = ({ hint, details }: PocketlensError): object => ({
    ...(hint === undefined ? {} : { hint }),
    details: { ...details, index },
    cause: error,
  });
  if (error instanceof InvalidImageError)
    return new InvalidImageError(error.code, message(error.message), options(error));
  if (error instanceof InvalidArgumentError)
    return new InvalidArgumentError(error.code, message(error.message), options(error));
  return error;
};

/** `preprocessBatch` with the means of a platform. */
export const createPreprocessBatch =
  (preprocess: Preprocess): PreprocessBatch =>
  async (images, { maxImages, ...options } = {}) => {
    assertCount(images.length, maxImages);
    const results: ImageInputs[] = [];
    const failed = new AbortController();
    const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < images.length && !failed.signal.aborted) {
        const index = next;
        next += 1;
        try {
          results[index] = await preprocess(images[index]!, { ...options, signal });
        } catch (error) {
          // The first failure is the one that is told; what it stops ends with an AbortError that changes nothing.
          failed.abort(error instanceof AbortError ? error : placed(error, index, images.length));
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    if (failed.signal.aborted) throw failed.signal.reason;
    return results;
  };
