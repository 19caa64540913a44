import { throwIfAborted } from '@pocketlens/backend';
import type { EncodeOptions, ImageFeatures } from '@pocketlens/backend';
import { preprocess } from '@pocketlens/preprocessing';
import type { DecodeMode, ImageInputs, PreprocessOptions } from '@pocketlens/preprocessing';
import type { FeatureCache, FeatureLease } from '../cache/feature-cache.js';
import { imageKey } from '../cache/image-key.js';
import type { ImagePart } from '../prompt/messages.js';

/** The features of one slice. */
export interface SliceFeatures {
  readonly features: ImageFeatures;
  readonly slice: number;
  /** Equal for equal features. */
  readonly identity: string;
}

/**
 * Pictures of a conversation: each is preprocessed once, and encoded once as long as the model's batching allows.
 * With a joint batch the features of an image depend on its companions, so a new image encodes all of them anew.
 */
export class ImageStore {
  readonly #cache: FeatureCache;
  readonly #isJoint: boolean;
  readonly #config: PreprocessOptions;
  #inputs: ReadonlyMap<ImagePart, { readonly mode: DecodeMode; readonly inputs: ImageInputs }> = new Map();
  #leases: readonly FeatureLease[] = [];

  /**
   * @param options.isJoint - whether the images of a request influence each other
   */
  constructor(
    cache: FeatureCache,
    { isJoint, config }: { readonly isJoint: boolean; readonly config: PreprocessOptions },
  ) {
    this.#cache = cache;
    this.#isJoint = isJoint;
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

  /** Features of all slices of these images, in order. Features of other images are let go. */
  async encode(images: readonly ImageInputs[], options: EncodeOptions = {}): Promise<readonly SliceFeatures[]> {
    const groups = (this.#isJoint ? [images] : images.map((image) => [image])).filter(({ length }) => length > 0);
    const total = images.reduce((sum, { slices }) => sum + slices.length, 0);
    const leases: FeatureLease[] = [];
    try {
      let done = 0;
      for (const group of groups) {
        const slices = group.flatMap((image) => image.slices);
        const offset = done;
        const onProgress: EncodeOptions['onProgress'] = (progress) =>
          options.onProgress?.({ done: offset + progress.done, total });
        const key = (await Promise.all(group.map(imageKey))).join(' + ');
        leases.push(await this.#cache.acquire(key, slices, { ...options, onProgress }));
        done += slices.length;
      }
    } catch (error) {
      for (const lease of leases) lease.release();
      throw error;
    }
    // Only now: what both have must not be forgotten in between.
    this.dispose();
    this.#leases = leases;
    return leases.flatMap(({ features, key }) =>
      Array.from({ length: features.sliceCount }, (_, slice) => ({ features, slice, identity: `${key} ${slice}` })),
    );
  }

  /** Lets the features go. */
  dispose(): void {
    for (const lease of this.#leases) lease.release();
    this.#leases = [];
  }
}
