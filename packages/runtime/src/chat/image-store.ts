import { throwIfAborted } from '@pocketlens/backend';
import type { BackendModelV1, EncodeOptions, ImageFeatures } from '@pocketlens/backend';
import { preprocess } from '@pocketlens/preprocessing';
import type { DecodeMode, ImageInputs, PreprocessOptions } from '@pocketlens/preprocessing';
import type { ImagePart } from '../prompt/messages.js';

/** The features of one slice. */
export interface SliceFeatures {
  readonly features: ImageFeatures;
  readonly slice: number;
}

/** Images that were encoded together. */
interface EncodedBatch {
  readonly images: readonly ImageInputs[];
  readonly features: ImageFeatures;
}

/**
 * Pictures of a conversation: each is preprocessed once, and encoded once as long as the model's batching allows.
 * With a joint batch the features of an image depend on its companions, so a new image encodes all of them anew.
 */
export class ImageStore {
  readonly #model: BackendModelV1;
  readonly #config: PreprocessOptions;
  #inputs: ReadonlyMap<ImagePart, { readonly mode: DecodeMode; readonly inputs: ImageInputs }> = new Map();
  #batches: readonly EncodedBatch[] = [];

  constructor(model: BackendModelV1, config: PreprocessOptions) {
    this.#model = model;
    this.#config = config;
  }

  /** Decodes and cuts the images that are new; forgets those that are not among these. */
  async prepare(
    parts: readonly ImagePart[],
    options: { readonly mode: DecodeMode; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly ImageInputs[]> {
    const { mode, signal } = options;
    const next = new Map<ImagePart, { readonly mode: DecodeMode; readonly inputs: ImageInputs }>();
    for (const part of parts) {
      throwIfAborted(signal);
      const known = this.#inputs.get(part);
      const inputs =
        known?.mode === mode
          ? known.inputs
          : await preprocess(part.image, { ...this.#config, mode, ...(signal === undefined ? {} : { signal }) });
      next.set(part, { mode, inputs });
    }
    this.#inputs = next;
    return parts.map((part) => next.get(part)!.inputs);
  }

  /** Features of all slices of these images, in order. Features of other images are forgotten. */
  async encode(images: readonly ImageInputs[], options: EncodeOptions = {}): Promise<readonly SliceFeatures[]> {
    const groups = this.#model.config.batchVisionInput ? [images] : images.map((image) => [image]);
    const total = images.reduce((sum, { slices }) => sum + slices.length, 0);
    const batches: EncodedBatch[] = [];
    let done = 0;
    for (const group of groups.filter(({ length }) => length > 0)) {
      const slices = group.flatMap((image) => image.slices);
      const offset = done;
      const known = this.#batches.find((batch) => isSameList(batch.images, group));
      const onProgress: EncodeOptions['onProgress'] = (progress) =>
        options.onProgress?.({ done: offset + progress.done, total });
      const features = known?.features ?? (await this.#model.encodeImages(slices, { ...options, onProgress }));
      batches.push({ images: group, features });
      done += slices.length;
    }
    this.#batches = batches;
    return batches.flatMap(({ features }) =>
      Array.from({ length: features.sliceCount }, (_, slice) => ({ features, slice })),
    );
  }

  dispose(): void {
    for (const { features } of this.#batches) features.dispose();
    this.#batches = [];
    this.#inputs = new Map();
  }
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
