import { DirectorySource } from '@pocketlens/backend-onnx/node';
import { loadOnnxModel, withAttentionBias } from '@pocketlens/backend-onnx';
import type { OpenGraph } from '@pocketlens/backend-onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cases,
  convertGolden,
  goldenSlice,
  largestDifference,
  readNpy,
  TOLERANCE,
} from '../../backend-onnxruntime-node/test/golden.js';
import { startEngine } from './engine/engine.js';
import { graphOpener } from './engine/open-graph.js';

const { images, resampled } = cases.batches[0]!;

describe('attention with a bias in place of its key mask', () => {
  let directory: string;
  let cleanUp: () => Promise<void>;

  beforeAll(async () => {
    ({ directory, remove: cleanUp } = await convertGolden());
  });

  afterAll(() => cleanUp());

  const encode = async (change: (graph: Uint8Array) => Uint8Array): Promise<Float32Array> => {
    const open = graphOpener(await startEngine('wasm', { threads: 1 }), { device: 'wasm' });
    const openGraph: OpenGraph = async (graph) => {
      const file = await graph.source.open(graph.path);
      const content = change(await file.read(0, file.size));
      await file.close();
      return open({ ...graph, content });
    };
    const model = await loadOnnxModel(new DirectorySource(directory), { device: 'wasm', openGraph });
    const features = await model.encodeImages(images.map(goldenSlice));
    const values = await features.read();
    await model.dispose();
    return values;
  };

  it('gives the same features of a batch that is padded', async () => {
    const changed: boolean[] = [];
    const masked = await encode((graph) => graph);
    const biased = await encode((graph) => {
      const result = withAttentionBias(graph);
      changed.push(result !== graph);
      return result;
    });
    // The vision encoder has a mask, the decoder has none.
    expect(changed).toEqual([true, false]);
    expect(largestDifference(biased, masked)).toBeLessThan(1e-5);
    expect(largestDifference(biased, readNpy(resampled) as Float32Array)).toBeLessThan(TOLERANCE.resampler);
  });
});
