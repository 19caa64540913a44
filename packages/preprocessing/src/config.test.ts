import { describe, expect, it } from 'vitest';
import { DEFAULT_PREPROCESSOR_CONFIG, parsePreprocessorConfig, sliceOptionsOf } from './config.js';

/** The published file of MiniCPM-Llama3-V 2.5, as far as it concerns pictures. */
const published = {
  image_processor_type: 'MiniCPMVImageProcessor',
  max_slice_nums: 9,
  scale_resolution: 448,
  patch_size: 14,
  use_image_id: false,
  image_feature_size: 96,
  im_start: '<image>',
  slice_mode: true,
  norm_mean: [0.5, 0.5, 0.5],
  norm_std: [0.5, 0.5, 0.5],
  version: 2.5,
};

describe('parsePreprocessorConfig', () => {
  it('reads the published file as the defaults', () => {
    expect(parsePreprocessorConfig(published)).toEqual(DEFAULT_PREPROCESSOR_CONFIG);
  });

  it('reads other settings', () => {
    const file = { ...published, max_slice_nums: 4, image_feature_size: 64, use_image_id: true, slice_mode: false };
    const config = parsePreprocessorConfig({ ...file, norm_mean: [0.1, 0.2, 0.3], version: '2.6' });
    expect(config).toMatchObject({ normMean: [0.1, 0.2, 0.3], useImageId: true, version: '2.6' });
    expect(sliceOptionsOf(config)).toEqual({
      maxSliceNums: 4,
      scaleResolution: 448,
      patchSize: 14,
      queries: 64,
      neverSplit: true,
    });
  });

  it('reads the config.json of a model without another file', () => {
    const expected = { maxSliceNums: 6, scaleResolution: 336, patchSize: 14, imageFeatureSize: 64 };
    const geometry = { max_slice_nums: 6, scale_resolution: 336, patch_size: 14 };
    expect(parsePreprocessorConfig({ query_num: 64, slice_mode: true, ...geometry })).toMatchObject(expected);
    const nested = { model_type: 'minicpmv', query_num: 64, slice_config: { ...geometry, model_type: 'minicpmv' } };
    expect(parsePreprocessorConfig(nested)).toMatchObject(expected);
  });

  it('reads a version that is a number', () => {
    expect(parsePreprocessorConfig({ ...published, image_feature_size: 64, version: 4.5 }).version).toBe('4.5');
  });

  it('takes the defaults for absent keys, and no version for an absent version', () => {
    expect(parsePreprocessorConfig({})).toEqual({ ...DEFAULT_PREPROCESSOR_CONFIG, version: null });
  });

  it.each([
    { max_slice_nums: 0 },
    { scale_resolution: '448' },
    { patch_size: 1.5 },
    { image_feature_size: -96 },
    { norm_mean: [0.5, 0.5] },
    { norm_mean: 0.5 },
    { norm_std: [0.5, 0, 0.5] },
    { slice_mode: 'yes' },
    { use_image_id: 1 },
    { version: [2, 5] },
  ])('refuses %j and names the key', (fields) => {
    expect(() => parsePreprocessorConfig({ ...published, ...fields })).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_RANGE', message: expect.stringContaining(Object.keys(fields)[0]!) }),
    );
  });

  it.each([null, [], 'text', 5])('refuses %j', (json) => {
    expect(() => parsePreprocessorConfig(json)).toThrow(expect.objectContaining({ code: 'ARGUMENT_TYPE' }));
  });
});
