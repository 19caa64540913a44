import { InvalidArgumentError } from '@pocketlens/backend';
import type { BackendModelV1, SequenceV1 } from '@pocketlens/backend';
import { FeatureCache } from './feature-cache.js';
import type { ImageCacheStats } from './feature-cache.js';
import { SequencePool } from './sequence-pool.js';
import type { SequenceCacheStats } from './sequence-pool.js';

/** What a model keeps for later requests. */
export interface CacheOptions {
  /** Most bytes of image embeddings; default 256 MiB, 0 keeps none. */
  readonly imageBytes?: number;
  /** Most key-value caches; default 4, 0 keeps none. */
  readonly sequences?: number;
  /** Most bytes of key-value caches; default 512 MiB. */
  readonly sequenceBytes?: number;
}

export interface CacheStats {
  readonly images: ImageCacheStats;
  readonly sequences: SequenceCacheStats;
}

/** Image embeddings and key-value caches that requests share. */
export interface Caches {
  readonly images: FeatureCache;
  readonly sequences: SequencePool;
}

export interface CacheSettings {
  readonly model: BackendModelV1;
  /** Room of a new sequence. */
  readonly contextLength: number;
  /** Bytes of a position of a key-value cache. */
  readonly positionBytes: number;
}

const MIB = 2 ** 20;

/**
 * Checks options and fills in defaults.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE`
 */
export function resolveCacheOptions(options: CacheOptions = {}): Required<CacheOptions> {
  const { imageBytes = 256 * MIB, sequences = 4, sequenceBytes = 512 * MIB } = options;
  for (const [name, value] of Object.entries({ imageBytes, sequences, sequenceBytes })) {
    if (value >= 0) continue;
    throw new InvalidArgumentError('ARGUMENT_RANGE', `cache.${name} must be a number of at least 0, received ${value}`);
  }
  return { imageBytes, sequences, sequenceBytes };
}

/** Empty caches of a model. */
export function createCaches(
  { model, contextLength, positionBytes }: CacheSettings,
  { imageBytes, sequences, sequenceBytes }: Required<CacheOptions>,
): Caches {
  const create = (): SequenceV1 => model.createSequence({ capacity: contextLength });
  const limits = { sequences, positions: Math.floor(sequenceBytes / positionBytes) };
  return { images: new FeatureCache(model, imageBytes), sequences: new SequencePool(create, limits) };
}

/** Caches that neither know what came before nor keep anything. */
export function emptyCaches(settings: CacheSettings): Caches {
  return createCaches(settings, { imageBytes: 0, sequences: 0, sequenceBytes: 0 });
}
