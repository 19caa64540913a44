import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1, DenseLogits, ImageFeatures, Logits, SequenceV1 } from '@pocketlens/backend';
import { positionIds } from '@pocketlens/backend-onnx';
import { onnxruntimeNode } from './index.js';
import {
  cases,
  convertGolden,
  editTensor,
  goldenSlice,
  largestDifference,
  promptParts,
  readNpy,
  TOLERANCE,
} from '../test/golden.js';
import type { GoldenPrompt } from '../test/golden.js';

const dense = (logits: Logits): DenseLogits => {
  if (logits.type !== 'dense') throw new Error('dense logits expected');
  return logits;
};

const encode = (model: BackendModelV1, names: readonly string[]): Promise<ImageFeatures> =>
  model.encodeImages(names.map(goldenSlice));

async function prefill(
  model: BackendModelV1,
  prompt: GoldenPrompt,
): Promise<{ sequence: SequenceV1; last: Float32Array }> {
  const features = prompt.images.length > 0 ? await encode(model, prompt.images) : undefined;
  const sequence = model.createSequence();
  const logits = await sequence.append(promptParts(prompt, features));
  return { sequence, last: dense(logits).data };
}

const named = (name: string): GoldenPrompt => cases.prompts.find((prompt) => prompt.name === name)!;

describe.each([true, false])('golden model, worker: %s', (worker) => {
  let model: BackendModelV1;
  let cleanUp: () => Promise<void>;

  beforeAll(async () => {
    const { directory, remove } = await convertGolden();
    cleanUp = remove;
    model = await onnxruntimeNode({ threads: 1, worker }).loadModel(directory);
  });

  afterAll(async () => {
    await model.dispose();
    await cleanUp();
  });

  it('tells its configuration', () => {
    expect(model.config).toMatchObject({
      version: '2.5',
      hiddenSize: 256,
      vocabSize: 512,
      queries: 16,
      patchSize: 14,
      batchVisionInput: true,
    });
    expect(model.capabilities).toEqual({ dtype: 'fp32', device: 'cpu', imageInput: true, batchedSteps: false });
  });

  it.each(Object.keys(cases.images))('encodes %s alone', async (name) => {
    const features = await encode(model, [name]);
    expect(features).toMatchObject({ sliceCount: 1, queries: 16, hiddenSize: 256 });
    expect(largestDifference(await features.read(), readNpy(cases.images[name]!.resampled))).toBeLessThan(
      TOLERANCE.resampler,
    );
  });

  it.each(cases.batches)('encodes the joint batch $images', async ({ images, resampled }) => {
    const features = await encode(model, images);
    expect(largestDifference(await features.read(), readNpy(resampled))).toBeLessThan(TOLERANCE.resampler);
  });

  it.each(cases.prompts)('gives the last logits of $name', async (prompt) => {
    const { sequence, last } = await prefill(model, prompt);
    expect(sequence.length).toBe(prompt.input_ids.length);
    expect(largestDifference(last, readNpy(prompt.last_logits))).toBeLessThan(TOLERANCE.logits);
  });

  it.each(cases.prompts.filter((prompt) => prompt.all_logits !== undefined))(
    'gives all logits of $name',
    async (prompt) => {
      const features = prompt.images.length > 0 ? await encode(model, prompt.images) : undefined;
      const logits = await model.createSequence().append(promptParts(prompt, features), { logits: 'all' });
      expect(logits.rows).toBe(prompt.input_ids.length);
      expect(largestDifference(dense(logits).data, readNpy(prompt.all_logits!))).toBeLessThan(TOLERANCE.logits);
    },
  );

  it('reads a prefill of n as n single steps, also across chunks and growth of the cache', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => 20 + ((i * 37) % 480));
    const all = dense(await model.createSequence().append([{ ids }], { logits: 'all' }));
    const sequence = model.createSequence();
    for (const [row, id] of ids.entries()) {
      const { data } = dense(await sequence.append([{ ids: [id] }]));
      expect(largestDifference(data, all.data.subarray(row * 512, (row + 1) * 512))).toBeLessThan(TOLERANCE.logits);
    }
    expect(sequence.length).toBe(300);
  });

  it('truncates: what is dropped leaves no trace', async () => {
    const { input_ids: ids } = named('text_only');
    const fresh = dense(await model.createSequence().append([{ ids }])).data;
    const sequence = model.createSequence();
    await sequence.append([{ ids: ids.slice(0, 10) }]);
    await sequence.append([{ ids: [100, 101, 102] }]);
    sequence.truncate(10);
    expect(largestDifference(dense(await sequence.append([{ ids: ids.slice(10) }])).data, fresh)).toBeLessThan(
      TOLERANCE.logits,
    );
    expect(() => sequence.truncate(ids.length + 1)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });

  it('forks: both go their own way', async () => {
    const { input_ids: ids } = named('text_only');
    const left = model.createSequence();
    await left.append([{ ids }]);
    const right = left.fork();
    await left.append([{ ids: [300, 301] }]);
    const fromFork = dense(await right.append([{ ids: [40] }])).data;
    const fresh = dense(await model.createSequence().append([{ ids: [...ids, 40] }])).data;
    expect([left.length, right.length]).toEqual([ids.length + 2, ids.length + 1]);
    expect(largestDifference(fromFork, fresh)).toBeLessThan(TOLERANCE.logits);
  });

  it('gives the best logits only, when asked', async () => {
    const { input_ids: ids } = named('text_only');
    const { data } = dense(await model.createSequence().append([{ ids }]));
    const top = await model.createSequence().append([{ ids }], { logits: { top: 5 } });
    const order = Array.from(data.keys())
      .toSorted((a, b) => data[b]! - data[a]!)
      .slice(0, 5);
    expect(top).toMatchObject({ type: 'top', rows: 1, count: 5, ids: Uint32Array.from(order) });
  });

  it('serves two sequences at once as one after the other', async () => {
    const prompts = [named('one_image_no_slices'), named('text_only')];
    const single = [];
    for (const prompt of prompts) single.push((await prefill(model, prompt)).last);
    const together = await Promise.all(prompts.map((prompt) => prefill(model, prompt)));
    expect(together.map(({ last }) => last)).toEqual(single);
  });

  it('refuses wrong arguments before any work', async () => {
    const sequence = model.createSequence({ capacity: 4 });
    const refused = (parts: Parameters<SequenceV1['append']>[0]): Promise<unknown> =>
      sequence.append(parts).then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
    expect(await refused([])).toBe('ARGUMENT_RANGE');
    expect(await refused([{ ids: [512] }])).toBe('ARGUMENT_RANGE');
    expect(await refused([{ ids: [1, 2, 3, 4, 5] }])).toBe('SEQUENCE_FULL');
    const features = await encode(model, ['sliver']);
    expect(await refused([{ features, slice: 1 }])).toBe('ARGUMENT_RANGE');
    expect(sequence.length).toBe(0);
    const { pixelValues, targetSize } = goldenSlice('sliver');
    for (const slice of [
      { pixelValues: pixelValues.subarray(1), targetSize },
      { pixelValues: pixelValues.map((value, i) => (i === 7 ? NaN : value)), targetSize },
      { pixelValues, targetSize: [0, 3] as const },
    ]) {
      await expect(model.encodeImages([slice])).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    }
    expect(() => model.createSequence({ capacity: 8193 })).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });

  it('refuses a second call while one runs, and keeps the first', async () => {
    const sequence = model.createSequence();
    const first = sequence.append([{ ids: [20, 21] }]);
    await expect(sequence.append([{ ids: [22] }])).rejects.toMatchObject({ code: 'SEQUENCE_BUSY' });
    await first;
    expect(sequence.length).toBe(2);
  });

  it('aborts before, between slices and between chunks; the sequence stays as it was', async () => {
    await expect(model.encodeImages([goldenSlice('wide')], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    const reason = new Error('enough');
    const slices = new AbortController();
    const encoding = model.encodeImages(['s0', 's1', 's2'].map(goldenSlice), {
      signal: slices.signal,
      onProgress: () => slices.abort(reason),
    });
    await expect(encoding).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: reason });

    const sequence = model.createSequence();
    await sequence.append([{ ids: [20, 21] }]);
    const chunks = new AbortController();
    setImmediate(() => chunks.abort(reason));
    const appending = sequence.append([{ ids: Array.from({ length: 2000 }, () => 30) }], { signal: chunks.signal });
    await expect(appending).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
    expect(sequence.length).toBe(2);
    const after = dense(await sequence.append([{ ids: [22] }])).data;
    const fresh = dense(await model.createSequence().append([{ ids: [20, 21, 22] }])).data;
    expect(largestDifference(after, fresh)).toBeLessThan(TOLERANCE.logits);
  });

  it('ends with DisposedError when a sequence is disposed, also while it works', async () => {
    const sequence = model.createSequence();
    const running = sequence.append([{ ids: Array.from({ length: 600 }, () => 30) }]);
    sequence.dispose();
    sequence.dispose();
    await expect(running).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(sequence.append([{ ids: [1] }])).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});

describe('prefill in chunks', () => {
  it('gives the same logits whatever the chunk, and tells its progress', async () => {
    const { directory, remove } = await convertGolden();
    const prompt = named('one_image_no_slices');
    const total = prompt.input_ids.length;
    const expected = readNpy(prompt.last_logits);
    const whole: Float32Array[] = [];
    for (const prefillChunk of [10_000, 64, 7, 1]) {
      const model = await onnxruntimeNode({ threads: 1, prefillChunk, worker: false }).loadModel(directory);
      const parts = promptParts(prompt, await encode(model, prompt.images));
      const seen: number[] = [];
      const onProgress = ({ done }: { readonly done: number }): number => seen.push(done);
      const last = dense(await model.createSequence().append(parts, { onProgress })).data;
      const all = dense(await model.createSequence().append(parts, { logits: 'all' })).data;
      const passes = Array.from({ length: Math.ceil(total / prefillChunk) }, (_, i) => (i + 1) * prefillChunk);
      expect(seen).toEqual(passes.map((done) => Math.min(done, total)));
      expect(largestDifference(last, expected)).toBeLessThan(TOLERANCE.logits);
      expect(largestDifference(all, whole[0] ?? all)).toBeLessThan(2e-5);
      whole.push(all);
      await model.dispose();
    }
    await remove();
  });

  it('refuses a chunk below one', async () => {
    await expect(onnxruntimeNode({ prefillChunk: 0 }).loadModel('any')).rejects.toMatchObject({
      code: 'ARGUMENT_RANGE',
    });
  });
});

describe('variants of the golden model', () => {
  it('encodes every image alone when the configuration says so', async () => {
    const { directory, remove } = await convertGolden({ config: { batch_vision_input: false } });
    const model = await onnxruntimeNode({ threads: 1 }).loadModel(directory);
    try {
      for (const prompt of cases.prompts.filter(({ images }) => images.length > 1)) {
        const { last } = await prefill(model, prompt);
        const expected = readNpy(prompt.batch_vision_input_false!.last_logits);
        expect(largestDifference(last, expected)).toBeLessThan(TOLERANCE.logits);
      }
    } finally {
      await model.dispose();
      await remove();
    }
  });

  it('numbers patches by row and column from version 2.6 on, every image alone', async () => {
    // A strip whose position rows are those of a grid is that grid: both checkpoints must give the same features.
    const name = 'wide';
    const { tgt_size: size } = cases.images[name]!;
    const count = size[0] * size[1];
    const grid = positionIds(size, { side: 70, kind: 'grid', paddedCount: count });
    const strip = positionIds(size, { side: 70, kind: 'strip', paddedCount: count });
    const asGrid = async (checkpoint: string): Promise<void> =>
      editTensor(checkpoint, 'vpm.embeddings.position_embedding.weight', (bytes) => {
        const rowBytes = bytes.length / 4900;
        const table = Uint8Array.from(bytes);
        strip.forEach((row, i) =>
          bytes.set(
            table.subarray(Number(grid[i]) * rowBytes, (Number(grid[i]) + 1) * rowBytes),
            Number(row) * rowBytes,
          ),
        );
      });
    const versions = [
      { config: { version: '2.6' }, images: [name, 'square'] },
      { edit: asGrid, images: [name] },
    ];
    const features = [];
    for (const { images, ...variant } of versions) {
      const { directory, remove } = await convertGolden(variant);
      const model = await onnxruntimeNode({ threads: 1 }).loadModel(directory);
      features.push(await (await encode(model, images)).read());
      expect(model.config.batchVisionInput).toBe(images.length === 1);
      await model.dispose();
      await remove();
    }
    const [gridFeatures, stripFeatures] = features;
    expect(largestDifference(gridFeatures!.subarray(0, stripFeatures!.length), stripFeatures!)).toBeLessThan(
      TOLERANCE.resampler,
    );
    expect(largestDifference(stripFeatures!, readNpy(cases.images[name]!.resampled))).toBeGreaterThan(0.1);
  });

  it('gives with float16 weights what float32 weights give, and frees everything on dispose', async () => {
    const { directory, remove } = await convertGolden({ dtypes: ['fp32', 'fp16'] });
    try {
      const models = await Promise.all(
        (['fp32', 'fp16'] as const).map((dtype) =>
          onnxruntimeNode({ threads: 1 }).loadModel(directory, { dtype, verify: true }),
        ),
      );
      const [exact, half] = await Promise.all(models.map((model) => prefill(model, named('one_image_no_slices'))));
      expect(largestDifference(half!.last, exact!.last)).toBeLessThan(TOLERANCE.logits);
      const [model] = models;
      const running = model!.createSequence().append([{ ids: Array.from({ length: 600 }, () => 30) }]);
      const disposed = model!.dispose();
      await expect(running).rejects.toMatchObject({ code: 'DISPOSED' });
      await disposed;
      await model!.dispose();
      expect(() => model!.createSequence()).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
      await expect(model!.encodeImages([])).rejects.toMatchObject({ code: 'DISPOSED' });
      await models[1]!.dispose();
    } finally {
      await remove();
    }
  });
});
