import type { DecodeImage } from './decode/decode-image.js';
import { createDecodeImage } from './decode/decode-image.js';
import { browserPlatform } from './decode/platform-browser.js';
import { nodePlatform } from './decode/platform-node.js';
import type { PreprocessBatch } from './preprocess-batch.js';
import { createPreprocessBatch } from './preprocess-batch.js';
import type { Preprocess } from './preprocess.js';
import { createPreprocess } from './preprocess.js';

export * from './common.js';

// Bundlers for browsers take browser.ts by the condition in package.json; this is for pages that load the package as it is.
const isNode = (globalThis.process as NodeJS.Process | undefined)?.versions?.node !== undefined;

/**
 * Decodes PNG, JPEG, WebP, GIF (first frame) or BMP to RGB. The content decides on the format, not the name.
 *
 * Node needs the optional package `sharp` for PNG, JPEG and WebP; a browser uses its own decoders.
 *
 * @param input - path or `file:` URL (Node), bytes, Blob, or ImageBitmap (browser)
 * @throws {InvalidImageError} `IMAGE_EMPTY`, `IMAGE_FORMAT`, `IMAGE_TRUNCATED` or `IMAGE_TOO_LARGE`,
 * and for a path `IMAGE_NOT_FOUND`, `IMAGE_NOT_A_FILE` or `IMAGE_UNREADABLE`
 * @throws {InvalidArgumentError} for another kind of input or an option out of range
 * @throws {ImageDecoderMissingError} `IMAGE_DECODER_MISSING` when there is no decoder here
 * @throws {AbortError} `ABORTED` when the signal is aborted
 */
export const decodeImage: DecodeImage = createDecodeImage(isNode ? nodePlatform : browserPlatform);

/**
 * Turns a picture into what the vision tower takes: decoded, sliced, resized, normalised and laid out in patches.
 *
 * @param image - anything that `decodeImage` reads, or RGB pixels
 * @param options - configuration of the model (`parsePreprocessorConfig`) and of the decoding; `mode` is `natural` by default
 * @returns slices in the order of the prompt, their plan, and warnings such as `IMAGE_ASPECT_RATIO` beyond 1:9
 * @throws {InvalidImageError} when the picture cannot be read
 * @throws {InvalidArgumentError} when sizes and data of RGB pixels do not agree or an option is out of range
 * @throws {AbortError} `ABORTED` when the signal is aborted, also between two rows of a large picture
 */
export const preprocess: Preprocess = createPreprocess(decodeImage);

/**
 * `preprocess` of several pictures, in their order; two are in work at a time, so that one is decoded while another is resized.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` beyond `maxImages`, before any picture is read
 * @throws what `preprocess` throws for the first picture that fails; its message says which, `details.index` counts from 0
 */
export const preprocessBatch: PreprocessBatch = createPreprocessBatch(preprocess);
