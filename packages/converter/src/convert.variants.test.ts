import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { largestDifference } from '../test/compare.js';
import { TestDecoder, encodeSlices, openPart, type TestSlice } from '../test/engine.js';
import {
  normalNumbers,
  smallConfig,
  writeRandomCheckpoint,
  type RandomCheckpointOptions,
} from '../test/random-checkpoint.js';
import { ReferenceNetwork, type ReferenceConfig } from '../test/reference-network.js';
import { parseConfig, type CheckpointConfig } from './config.js';
import { convert } from './convert.js';

const directory = mkdtempSync(join(tmpdir(), 'pocketlens-variants-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Shapes that the golden checkpoint does not have. */
const variants: Readonly<Record<string, RandomCheckpointOptions>> = {
  'the small defaults': {},
  'version 2.6, positions by row and column': { config: { version: '2.6', batch_vision_input: false } },
  'tied embeddings': { config: { tie_word_embeddings: true } },
  'resampler heads from the config': { config: { resampler_num_attention_heads: 8 } },
  'as many key-value heads as heads': { config: { num_key_value_heads: 4 } },
  'one key-value head': { config: { num_key_value_heads: 1 } },
  'vision as wide as the language model': { visionConfig: { hidden_size: 128, num_attention_heads: 4 } },
  'the last vision layer dropped': { config: { drop_vision_last_layer: true } },
  'heads of 8, filled up': { config: { num_attention_heads: 16, num_key_value_heads: 4 } },
  'heads of 20, filled up, wider than the model': {
    config: { num_attention_heads: 8, num_key_value_heads: 2, head_dim: 20 },
  },
  'odd sizes': {
    config: {
      hidden_size: 132,
      num_attention_heads: 6,
      num_key_value_heads: 3,
      resampler_num_attention_heads: 11,
      intermediate_size: 37,
      vocab_size: 3,
      query_num: 1,
      num_hidden_layers: 1,
    },
    visionConfig: {
      hidden_size: 45,
      num_attention_heads: 5,
      intermediate_size: 7,
      num_hidden_layers: 1,
      image_size: 43,
      patch_size: 14,
    },
  },
  'another patch size and table': { config: { patch_size: 14 }, visionConfig: { patch_size: 6, image_size: 60 } },
  'other epsilons': { config: { rms_norm_eps: 1e-2 }, visionConfig: { layer_norm_eps: 1e-2 } },
  bfloat16: { dtype: 'BF16', shards: 1 },
  float32: { dtype: 'F32', shards: 3 },
};

/** Random pictures of 3 x 4, 1 x 5 and 1 x 1 patches. */
function randomSlices(patch: number): readonly TestSlice[] {
  const random = normalNumbers(7);
  return (
    [
      [3, 4],
      [1, 5],
      [1, 1],
    ] as const
  ).map((grid) => {
    return { grid, pixels: Float32Array.from({ length: 3 * patch * patch * grid[0] * grid[1] }, () => random() / 2) };
  });
}

function referenceConfig(config: CheckpointConfig): ReferenceConfig {
  return {
    visionHeads: config.vision.heads,
    visionLayers: config.vision.layers,
    visionEpsilon: config.vision.layerNormEpsilon,
    side: config.vision.positionTableSide,
    patch: config.vision.patchSize,
    positions: config.visionPositions,
    resamplerHeads: config.resampler.heads,
    hidden: config.language.hiddenSize,
    heads: config.language.heads,
    kvHeads: config.language.kvHeads,
    layers: config.language.layers,
    rmsEpsilon: config.language.rmsNormEpsilon,
    theta: config.language.ropeTheta,
  };
}

describe.each(Object.entries(variants))('%s', (name, options) => {
  test('equals the network written down in float64', async () => {
    const source = join(directory, name, 'checkpoint');
    const tensors = writeRandomCheckpoint(source, options);
    const config = parseConfig(smallConfig(options), name);
    const { directory: model, manifest } = await convert({
      source,
      target: join(directory, name, 'model'),
      dtypes: ['fp32'],
    });
    const reference = new ReferenceNetwork(tensors, referenceConfig(config));
    const vision = await openPart(model, manifest, 'vision_encoder');
    const slices = randomSlices(config.vision.patchSize);
    for (const batch of [slices, ...slices.map((slice) => [slice])]) {
      const features = await encodeSlices(vision, manifest, batch);
      expect(largestDifference(features, reference.imageFeatures(batch))).toBeLessThan(5e-5);
    }

    const decoder = await openPart(model, manifest, 'decoder');
    const { hiddenSize } = manifest.model;
    const random = normalNumbers(11);
    const embeddings = Float32Array.from({ length: 9 * hiddenSize }, random);
    const expected = reference.logits(embeddings);
    const sequence = new TestDecoder(decoder, manifest, 1);
    const logits = [
      ...(await sequence.append(embeddings.subarray(0, 5 * hiddenSize), [0, 1, 2, 3, 4])),
      ...(await sequence.append(embeddings.subarray(5 * hiddenSize, 6 * hiddenSize), [0])),
      ...(await sequence.append(embeddings.subarray(6 * hiddenSize), [0, 1, 2])),
    ];
    expect(largestDifference(logits, expected)).toBeLessThan(1e-4);
  });
});

test('a strip of 1 x 600 patches keeps its position accuracy', async () => {
  const source = join(directory, 'strip', 'checkpoint');
  const options = { visionConfig: { num_hidden_layers: 1 } };
  const tensors = writeRandomCheckpoint(source, options);
  const config = parseConfig(smallConfig(options), 'strip');
  const { directory: model, manifest } = await convert({
    source,
    target: join(directory, 'strip', 'model'),
    dtypes: ['fp32'],
  });
  const random = normalNumbers(5);
  const pixels = Float32Array.from({ length: 3 * 14 * 14 * 600 }, () => random() / 2);
  const vision = await openPart(model, manifest, 'vision_encoder');
  const slices = [{ pixels, grid: [1, 600] as const }];
  const reference = new ReferenceNetwork(tensors, referenceConfig(config));
  const features = await encodeSlices(vision, manifest, slices);
  expect(largestDifference(features, reference.imageFeatures(slices))).toBeLessThan(5e-5);
});

test('config.json holds the effective values and the keys of the source', async () => {
  const source = join(directory, 'effective', 'checkpoint');
  writeRandomCheckpoint(source, { config: { custom_key: 'kept', rope_theta: undefined } });
  const { directory: model } = await convert({
    source,
    target: join(directory, 'effective', 'model'),
    dtypes: ['fp32'],
  });
  const written: unknown = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
  expect(written).toMatchObject({
    custom_key: 'kept',
    rope_theta: 500_000,
    head_dim: 32,
    resampler_num_attention_heads: 1,
    slice_config: { scale_resolution: 448, max_slice_nums: 9 },
    vision_config: { hidden_act: 'gelu_pytorch_tanh', layer_norm_eps: 1e-6 },
  });
});
