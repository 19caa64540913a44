import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1, DenseLogits, Logits } from '@pocketlens/backend';
import { convert } from '@pocketlens/converter';
import { writeRandomCheckpoint } from '../../converter/test/random-checkpoint.js';
import {
  cases,
  convertGolden,
  goldenSlice,
  largestDifference,
  promptParts,
  readNpy,
  TOLERANCE,
} from '../test/golden.js';
import { runProgram } from '../test/run-from-source.js';
import { onnxruntimeNode } from './index.js';

const data = (logits: Logits): Float32Array => (logits as DenseLogits).data;

describe('a model that shows its graphs in turns', () => {
  let directory: string;
  let cleanUp: () => Promise<void>;
  let model: BackendModelV1;

  beforeAll(async () => {
    ({ directory, remove: cleanUp } = await convertGolden());
    model = await onnxruntimeNode({ threads: 1, memory: 'low' }).loadModel(directory);
  });

  afterAll(async () => {
    await model.dispose();
    await cleanUp();
  });

  it('answers as the golden data says, over and over', async () => {
    for (const name of ['one_image_no_slices', 'text_only', 'one_image_no_slices']) {
      const prompt = cases.prompts.find((candidate) => candidate.name === name)!;
      const features = prompt.images.length > 0 ? await model.encodeImages(prompt.images.map(goldenSlice)) : undefined;
      const logits = await model.createSequence().append(promptParts(prompt, features));
      expect(largestDifference(data(logits), readNpy(prompt.last_logits))).toBeLessThan(TOLERANCE.logits);
    }
  });

  it('serves pictures and text that come at once', async () => {
    const { images, resampled } = cases.batches[0]!;
    const ids = Array.from({ length: 300 }, (_, i) => 20 + i);
    const [features, logits, alone] = await Promise.all([
      model.encodeImages(images.map(goldenSlice)),
      model.createSequence().append([{ ids }]),
      model.encodeImages([goldenSlice('wide')]),
    ]);
    expect(largestDifference(await features.read(), readNpy(resampled))).toBeLessThan(TOLERANCE.resampler);
    expect(largestDifference(await alone.read(), readNpy(cases.images['wide']!.resampled))).toBeLessThan(
      TOLERANCE.resampler,
    );
    expect(data(logits)).toEqual(data(await model.createSequence().append([{ ids }])));
  });

  it('ends what runs and what waits when it is disposed', async () => {
    const other = await onnxruntimeNode({ threads: 1, memory: 'low', worker: false }).loadModel(directory);
    const running = other.createSequence().append([{ ids: Array.from({ length: 600 }, () => 30) }]);
    const waiting = other.encodeImages([goldenSlice('wide')]);
    const disposed = other.dispose();
    await expect(running).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(waiting).rejects.toMatchObject({ code: 'DISPOSED' });
    await disposed;
  });

  it('tells by its first use that a graph is damaged, and goes on with the other', async () => {
    const damaged = await onnxruntimeNode({ threads: 1, memory: 'low' }).loadModel(directory);
    await rm(join(directory, 'onnx/vision_encoder.onnx'));
    await expect(damaged.encodeImages([goldenSlice('wide')])).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    await expect(damaged.createSequence().append([{ ids: [20] }])).resolves.toMatchObject({ rows: 1 });
    await damaged.dispose();
  });
});

describe('the memory of a model', () => {
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'pocketlens-memory-'));
    // About 12 million weights in each of the two graphs: 48 MB each, as float32.
    const visionConfig = { hidden_size: 384, intermediate_size: 1536, num_attention_heads: 6, num_hidden_layers: 6 };
    const config = { hidden_size: 512, intermediate_size: 1408, num_attention_heads: 4, num_hidden_layers: 4 };
    writeRandomCheckpoint(join(root, 'checkpoint'), { config, visionConfig });
    await convert({ source: join(root, 'checkpoint'), target: join(root, 'model'), dtypes: ['fp32'] });
  }, 300_000);

  afterAll(() => rm(root, { recursive: true, force: true }));

  const peakBytes = async (memory: 'normal' | 'low'): Promise<number> =>
    Number(
      await runProgram(`
        const model = await backend.onnxruntimeNode({ threads: 1, memory: '${memory}' }).loadModel(${JSON.stringify(join(root, 'model'))});
        const pixelValues = new Float32Array(3 * 14 * 14 * 16);
        const features = await model.encodeImages([{ pixelValues, targetSize: [4, 4] }]);
        await model.createSequence({ capacity: 64 }).append([{ ids: [1] }, { features, slice: 0 }]);
        await model.dispose();
        console.log(process.resourceUsage().maxRSS * 1024);`),
    );

  it('has a peak that is lower by one of its graphs when they take turns', async () => {
    const peaks = { normal: Infinity, low: Infinity };
    // What else a process allocates only adds to its peak: the lowest of a few runs is that of the model.
    for (let run = 0; run < 4; run++) {
      for (const memory of ['normal', 'low'] as const) {
        peaks[memory] = Math.min(peaks[memory], await peakBytes(memory));
      }
    }
    expect(peaks.normal - peaks.low).toBeGreaterThan(30e6);
  });
});
