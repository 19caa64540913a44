import type { BackendModelV1, BackendV1, ImageFeatures, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import type { Tolerance } from './options.js';
import type { Golden } from './kit/golden.js';
import type { KitDtype, KitModel } from './kit/kit-models.js';

/** Rows of the table, in its order. */
export const AREAS = [
  'contract',
  'loading',
  'shapes',
  'golden values',
  'images',
  'sequences',
  'arguments',
  'abort',
  'disposal',
  'concurrency',
  'memory',
  'end to end',
] as const;
export type Area = (typeof AREAS)[number];

/** One thing that every backend does. */
export interface Check {
  readonly area: Area;
  /** A statement that is false when the check fails; unique in its area. */
  readonly name: string;
  /** With every storage type, with those that keep the weights as they are, or once with the first. */
  readonly runs: 'each' | 'exact' | 'once';
  /** True for checks that feed images; left out when the model takes none. */
  readonly needsImages?: boolean;
  /** True for checks of the model directory itself; left out when the engine reads another form. */
  readonly needsDirectory?: boolean;
  /** Throws `ConformanceFailure` with what is wrong. */
  run(context: CheckContext): Promise<void>;
}

/** What a check works with. */
export interface CheckContext {
  readonly backend: BackendV1;
  readonly golden: Golden;
  readonly dtype: KitDtype;
  readonly dtypes: readonly KitDtype[];
  readonly tolerance: Tolerance;
  /** The golden model, loaded once for all checks of a storage type: leave it as it is. */
  model(): Promise<BackendModelV1>;
  /** A model of the check's own; disposed after it. */
  open(name: KitModel['name'], options?: LoadModelOptions): Promise<BackendModelV1>;
  /** What `loadModel` takes for a model. */
  source(name: KitModel['name']): Promise<string | ModelSource>;
  /** A copy of the golden model directory with something wrong in it. */
  damaged(damage: (directory: string) => Promise<void>): Promise<string>;
  /** Features of golden images in one call of the shared model. */
  encode(images: readonly string[]): Promise<ImageFeatures>;
  /** Bytes in use, by what is measured. */
  memoryUsage(): Promise<Readonly<Record<string, number>>>;
  /** Tells a measured distance from the reference, for the table. */
  measured(kind: 'features' | 'logits', difference: number): void;
  /** Ends the check without a result. */
  skip(reason: string): never;
}

/** Thrown by `skip`. */
export class SkippedCheck extends Error {}
