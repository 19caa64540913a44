import { InvalidArgumentError } from './errors.js';
import type { SliceOptions } from './slice-plan.js';

/** One value per colour channel, red first. */
export type ChannelValues = readonly [number, number, number];

/** What `preprocessor_config.json` of a MiniCPM-V model says. */
export interface PreprocessorConfig extends Required<
  Pick<SliceOptions, 'maxSliceNums' | 'scaleResolution' | 'patchSize'>
> {
  /** Vision tokens of one slice. */
  readonly imageFeatureSize: number;
  /** Mean and deviation of the normalisation `(x / 255 - mean) / std`. */
  readonly normMean: ChannelValues;
  readonly normStd: ChannelValues;
  /** False: never cut into cells; the overview stands alone. */
  readonly sliceMode: boolean;
  /** True: the prompt numbers its images. */
  readonly useImageId: boolean;
  /** Version of the model family, such as "2.5"; null when the file says none. */
  readonly version: string | null;
}

/** The configuration of MiniCPM-Llama3-V 2.5. */
export const DEFAULT_PREPROCESSOR_CONFIG: PreprocessorConfig = {
  maxSliceNums: 9,
  scaleResolution: 448,
  patchSize: 14,
  imageFeatureSize: 96,
  normMean: [0.5, 0.5, 0.5],
  normStd: [0.5, 0.5, 0.5],
  sliceMode: true,
  useImageId: false,
  version: '2.5',
};

const refuse = (name: string, expected: string, value: unknown): never => {
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `Expected ${expected} for ${name} in preprocessor_config.json but received ${JSON.stringify(value)}`,
    {
      details: { name, value },
    },
  );
};

type Json = Readonly<Record<string, unknown>>;

const integer = (json: Json, name: string, fallback: number): number => {
  const value = json[name] ?? fallback;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
    ? value
    : refuse(name, 'a positive integer', value);
};

const boolean = (json: Json, name: string, fallback: boolean): boolean => {
  const value = json[name] ?? fallback;
  return typeof value === 'boolean' ? value : refuse(name, 'true or false', value);
};

const channels = (
  json: Json,
  name: string,
  fallback: ChannelValues,
  accepts: (value: number) => boolean,
): ChannelValues => {
  const value: unknown = json[name] ?? fallback;
  const isAccepted = (item: unknown): item is number =>
    typeof item === 'number' && Number.isFinite(item) && accepts(item);
  if (!Array.isArray(value)) return refuse(name, 'three numbers', value);
  const [red, green, blue, ...rest]: unknown[] = value;
  if (rest.length > 0 || !isAccepted(red) || !isAccepted(green) || !isAccepted(blue))
    return refuse(name, 'three usable numbers', value);
  return [red, green, blue];
};

const versionOf = (json: Json): string | null => {
  const value = json['version'] ?? null;
  if (value === null || typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : refuse('version', 'a number or string', value);
};

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the parsed content of a `preprocessor_config.json`; keys that are absent take the values of MiniCPM-Llama3-V 2.5.
 *
 * A `config.json` will do where a model has no other file, as MiniCPM-V 2.0: its `query_num` is the number of vision tokens, and
 * `slice_config` can hold the geometry.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_TYPE` when it is not an object, `ARGUMENT_RANGE` when a value cannot be used
 */
export const parsePreprocessorConfig = (json: unknown): PreprocessorConfig => {
  if (!isObject(json)) {
    throw new InvalidArgumentError(
      'ARGUMENT_TYPE',
      `Expected an object for preprocessor_config.json but received ${Array.isArray(json) ? 'an array' : String(json)}`,
    );
  }
  const fields: Json = { ...(isObject(json['slice_config']) ? json['slice_config'] : {}), ...json };
  const defaults = DEFAULT_PREPROCESSOR_CONFIG;
  return {
    maxSliceNums: integer(fields, 'max_slice_nums', defaults.maxSliceNums),
    scaleResolution: integer(fields, 'scale_resolution', defaults.scaleResolution),
    patchSize: integer(fields, 'patch_size', defaults.patchSize),
    imageFeatureSize: integer(
      fields,
      fields['image_feature_size'] === undefined ? 'query_num' : 'image_feature_size',
      defaults.imageFeatureSize,
    ),
    normMean: channels(fields, 'norm_mean', defaults.normMean, () => true),
    normStd: channels(fields, 'norm_std', defaults.normStd, (value) => value > 0),
    sliceMode: boolean(fields, 'slice_mode', defaults.sliceMode),
    useImageId: boolean(fields, 'use_image_id', defaults.useImageId),
    version: versionOf(fields),
  };
};

/** The geometry that a configuration asks of `planSlices`. */
export const sliceOptionsOf = (config: PreprocessorConfig): Required<SliceOptions> => ({
  maxSliceNums: config.maxSliceNums,
  scaleResolution: config.scaleResolution,
  patchSize: config.patchSize,
  queries: config.imageFeatureSize,
  neverSplit: !config.sliceMode,
});
