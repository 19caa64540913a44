import type { InferenceSession } from 'onnxruntime-node';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isQuantizedLayer, quantizedTensors } from '../test/dequantize.js';
import { TestDecoder, encodeSlices, openPart, type TestSlice } from '../test/engine.js';
import {
  normalNumbers,
  smallConfig,
  writeRandomCheckpoint,
  type RandomCheckpointOptions,
  type RandomTensors,
} from '../test/random-checkpoint.js';
import { ReferenceNetwork, type ReferenceConfig } from '../test/reference-network.js';
import { parseConfig, type CheckpointConfig } from './config.js';
import { convert, type ConvertProgress } from './convert.js';
import type { Manifest, PartDtype } from './output/manifest.js';
import type { BlockSize, QuantizationScheme } from './quantization/scheme.js';

const directory = mkdtempSync(join(tmpdir(), 'pocketlens-quantized-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What 8-bit rounding of weights and activations may do to small random networks. */
const FAR = 0.08;

const variants: Readonly<Record<string, RandomCheckpointOptions & { readonly blockSize: BlockSize }>> = {
  'blocks of 32': { blockSize: 32 },
  'blocks of 64, tied embeddings': { blockSize: 64, config: { tie_word_embeddings: true } },
  'blocks of 128, an odd number of them': {
    blockSize: 128,
    config: { hidden_size: 384, intermediate_size: 256, num_hidden_layers: 1 },
  },
  'blocks larger than rows': {
    blockSize: 128,
    config: { hidden_size: 64, intermediate_size: 48, resampler_num_attention_heads: 2 },
  },
  'inner sizes that blocks do not divide, bfloat16': {
    blockSize: 32,
    dtype: 'BF16',
    config: { intermediate_size: 37, hidden_size: 132, num_attention_heads: 6, num_key_value_heads: 3 },
    visionConfig: { hidden_size: 45, num_attention_heads: 5, intermediate_size: 7 },
  },
  'heads of 8, filled up': { blockSize: 32, config: { num_attention_heads: 16, num_key_value_heads: 4 } },
  'heads of 20, filled up, wider than the model': {
    blockSize: 64,
    config: { num_attention_heads: 8, num_key_value_heads: 2, head_dim: 20 },
  },
};

interface Converted {
  readonly model: string;
  readonly manifest: Manifest;
  readonly config: CheckpointConfig;
  readonly tensors: RandomTensors;
}

async function convertVariant(name: string, dtypes: readonly PartDtype[]): Promise<Converted> {
  const { blockSize, ...options } = variants[name]!;
  const source = join(directory, name, 'checkpoint');
  const target = join(directory, name, dtypes.join('-'));
  const tensors = writeRandomCheckpoint(source, options);
  const { directory: model, manifest } = await convert({ source, target, dtypes, blockSize });
  return { model, manifest, tensors, config: parseConfig(smallConfig(options), name) };
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

/** The network with dequantised weights; activations rounded to 8 bits before the layers of an int8 part. */
function quantizedReference(
  { tensors, config }: Converted,
  part: 'decoder' | 'vision',
  scheme: QuantizationScheme,
): ReferenceNetwork {
  const rounds = (name: string): boolean => scheme.bits === 8 && isQuantizedLayer(name, part, config.language);
  return new ReferenceNetwork(
    quantizedTensors(tensors, part, config.language, scheme),
    referenceConfig(config),
    rounds,
  );
}

/** Root of the mean squared difference, as a share of the expected values' own root mean square. */
function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, ${expected.length} expected`);
  let [difference, size] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}

/** Logits of nine positions: prefill, one step, and three at once. */
async function runDecoder(session: InferenceSession, manifest: Manifest): Promise<readonly number[]> {
  const embeddings = embeddingsOf(manifest);
  const { hiddenSize } = manifest.model;
  const sequence = new TestDecoder(session, manifest, 1);
  return [
    ...(await sequence.append(embeddings.subarray(0, 5 * hiddenSize), [0, 1, 2, 3, 4])),
    ...(await sequence.append(embeddings.subarray(5 * hiddenSize, 6 * hiddenSize), [0])),
    ...(await sequence.append(embeddings.subarray(6 * hiddenSize), [0, 1, 2])),
  ];
}

function embeddingsOf({ model }: Manifest): Float32Array {
  return Float32Array.from({ length: 9 * model.hiddenSize }, normalNumbers(11));
}

function randomSlices(patch: number): readonly TestSlice[] {
  const random = normalNumbers(7);
  const grids = [
    [3, 4],
    [1, 5],
    [1, 1],
    [2, 2],
  ] as const;
  return grids.map((grid) => {
    return { grid, pixels: Float32Array.from({ length: 3 * patch * patch * grid[0] * grid[1] }, () => random() / 2) };
  });
}

/** A copy of the decoder's graph that computes with float32 activations. */
function withExactActivations(model: string, manifest: Manifest): Manifest {
  const parts = manifest.parts.map((part) => {
    if (part.part !== 'decoder') return part;
    const bytes = readFileSync(join(model, part.file));
    const file = part.file.replace('.onnx', '_exact.onnx');
    const attribute = Buffer.from('accuracy_level\x18\x04', 'latin1');
    for (let at = bytes.indexOf(attribute); at >= 0; at = bytes.indexOf(attribute, at + 1)) bytes[at + 15] = 1;
    writeFileSync(join(model, file), bytes);
    return { ...part, file };
  });
  return { ...manifest, parts };
}

describe.each(Object.keys(variants))('%s', (name) => {
  test('q4: the decoder equals the network with dequantised weights', async () => {
    const converted = await convertVariant(name, ['q4']);
    const { model, manifest } = converted;
    const { blockSize } = variants[name]!;
    const reference = quantizedReference(converted, 'decoder', { bits: 4, blockSize, rounding: 'least-squares' });
    const expected = reference.logits(embeddingsOf(manifest));
    const exact = await openPart(model, withExactActivations(model, manifest), 'decoder', 'q4');
    expect(relativeDifference(await runDecoder(exact, manifest), expected)).toBeLessThan(1e-5);
    // As it runs, activations have 8 bits in the engine's own blocks.
    const decoder = await openPart(model, manifest, 'decoder', 'q4');
    expect(relativeDifference(await runDecoder(decoder, manifest), expected)).toBeLessThan(0.04);
    // What quantisation itself does to random weights is far more than either: the bounds above are no coincidence.
    const original = new ReferenceNetwork(converted.tensors, referenceConfig(converted.config));
    expect(relativeDifference(original.logits(embeddingsOf(manifest)), expected)).toBeGreaterThan(0.06);
  });

  test('int8: both parts equal the network with rounded weights and activations', async () => {
    const converted = await convertVariant(name, ['int8']);
    const { model, manifest, config } = converted;
    const scheme = { bits: 8 } as const;
    const original = new ReferenceNetwork(converted.tensors, referenceConfig(config));
    const decoder = await openPart(model, manifest, 'decoder', 'int8');
    const logits = await runDecoder(decoder, manifest);
    const expected = quantizedReference(converted, 'decoder', scheme).logits(embeddingsOf(manifest));
    const differences = [relativeDifference(logits, expected)];
    expect(relativeDifference(logits, original.logits(embeddingsOf(manifest)))).toBeLessThan(FAR);

    const vision = await openPart(model, manifest, 'vision_encoder', 'int8');
    const reference = quantizedReference(converted, 'vision', scheme);
    for (const slice of randomSlices(config.vision.patchSize)) {
      const features = await encodeSlices(vision, manifest, [slice]);
      differences.push(relativeDifference(features, reference.imageFeatures([slice])));
      expect(relativeDifference(features, original.imageFeatures([slice]))).toBeLessThan(FAR);
    }
    // An activation halfway between two steps may fall to either side, and changes all that follows; it is rare.
    expect(Math.max(...differences)).toBeLessThan(FAR);
    expect(differences.filter((difference) => difference < 1e-6).length).toBeGreaterThan(differences.length / 2);
  });
});

test.each([0.1, 0.6, 0.97])('interrupted at %d of the bytes and taken up again: the same files', async (share) => {
  const source = join(directory, 'resumed', 'checkpoint');
  writeRandomCheckpoint(source, { config: { intermediate_size: 300 } });
  const dtypes = ['q4', 'int8'] as const;
  const whole = await convert({ source, target: join(directory, 'resumed', `whole-${share}`), dtypes });
  const target = join(directory, 'resumed', `again-${share}`);
  const stop = new AbortController();
  const onProgress = ({ bytesDone, bytesTotal }: ConvertProgress): void => {
    if (bytesDone > share * bytesTotal) stop.abort();
  };
  await expect(convert({ source, target, dtypes, signal: stop.signal, onProgress })).rejects.toMatchObject({
    code: 'ABORTED',
  });
  const again = await convert({ source, target, dtypes });
  expect(again.manifest).toEqual(whole.manifest);
});
