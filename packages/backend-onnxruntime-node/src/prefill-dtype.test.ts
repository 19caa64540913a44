import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1, DenseLogits, LoadModelOptions, Logits, SequenceV1 } from '@pocketlens/backend';
import { loadOnnxModel } from '@pocketlens/backend-onnx';
import type { Manifest } from '@pocketlens/converter';
import { openPart, TestDecoder } from '../../converter/test/engine.js';
import { compareLogits } from '../test/compare-logits.js';
import { cases, convertGolden, goldenSlice, largestDifference, promptParts } from '../test/golden.js';
import { DirectorySource, onnxruntimeNode } from './index.js';

const MIXED = { dtype: 'q4', prefillDtype: 'int8' } as const;
/** Positions from which on an append is a prefill. */
const LEAST = 16;

const dense = (logits: Logits): DenseLogits => {
  if (logits.type !== 'dense') throw new Error('dense logits expected');
  return logits;
};

const someIds = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => 20 + (((from + i) * 37) % 480));

/** A pass of a decoder graph, as it reaches the engine. */
interface Pass {
  readonly dtype: 'int8' | 'q4';
  readonly embeddings: Float32Array;
}

/** A model whose decoder passes are written down. */
async function loadRecorded(
  directory: string,
  options: LoadModelOptions,
): Promise<{ readonly model: BackendModelV1; readonly passes: Pass[] }> {
  const source = new DirectorySource(directory);
  const passes: Pass[] = [];
  const openGraph = async ({ path }: { readonly path: string }): Promise<InferenceSession> => {
    const session = await InferenceSession.create(source.locate(path), { intraOpNumThreads: 1, logSeverityLevel: 3 });
    if (!path.includes('decoder')) return session;
    const dtype = path.includes('_q4') ? 'q4' : 'int8';
    const run: (feeds: InferenceSession.FeedsType) => Promise<InferenceSession.ReturnType> = session.run.bind(session);
    return Object.assign(session, {
      run: (feeds: InferenceSession.FeedsType) => {
        const { data } = feeds['inputs_embeds']!;
        if (data instanceof Float32Array) passes.push({ dtype, embeddings: data.slice() });
        return run(feeds);
      },
    });
  };
  return { model: await loadOnnxModel(source, { ...options, device: 'cpu', openGraph }), passes };
}

describe('a model that reads prompts with other weights than it answers with', () => {
  let directory: string;
  let cleanUp: () => Promise<void>;
  const loaded: BackendModelV1[] = [];

  const load = async (
    options: LoadModelOptions,
    engine: Parameters<typeof onnxruntimeNode>[0] = { worker: false },
  ): Promise<BackendModelV1> => {
    const model = await onnxruntimeNode({ threads: 1, ...engine }).loadModel(directory, options);
    loaded.push(model);
    return model;
  };

  beforeAll(async () => {
    ({ directory, remove: cleanUp } = await convertGolden({ dtypes: ['fp32', 'int8', 'q4'] }));
  });

  afterAll(async () => {
    await Promise.all(loaded.map((model) => model.dispose()));
    await cleanUp();
  });

  it('runs long appends through one graph and short ones through the other, over the same cache', async () => {
    const { model, passes } = await loadRecorded(directory, { ...MIXED, prefillChunk: 32 });
    const sequence = model.createSequence();
    const counts = [70, 1, 1, LEAST - 1, LEAST, 1];
    const results: DenseLogits[] = [];
    for (const count of counts) {
      results.push(dense(await sequence.append([{ ids: someIds(count, sequence.length) }], { logits: 'all' })));
    }
    expect(passes.map(({ dtype }) => dtype)).toEqual(['int8', 'int8', 'int8', 'q4', 'q4', 'q4', 'int8', 'q4']);
    await model.dispose();

    const manifest = JSON.parse(await readFile(join(directory, 'pocketlens.json'), 'utf8')) as Manifest;
    const sessions = {
      int8: await openPart(directory, manifest, 'decoder', 'int8'),
      q4: await openPart(directory, manifest, 'decoder', 'q4'),
    };
    let dtype: keyof typeof sessions = 'int8';
    const either = { run: (feeds: InferenceSession.FeedsType) => sessions[dtype].run(feeds) };
    const decoder = new TestDecoder(either, manifest, 256);
    const rows: number[] = [];
    for (const pass of passes) {
      dtype = pass.dtype;
      const count = pass.embeddings.length / manifest.model.hiddenSize;
      rows.push(...(await decoder.append(pass.embeddings, [...Array(count).keys()])));
    }
    expect(
      largestDifference(
        results.flatMap(({ data }) => [...data]),
        rows,
      ),
    ).toBe(0);
    await Promise.all([sessions.int8.release(), sessions.q4.release()]);
  });

  it.each([undefined, 7])('reads pictures and text as the int8 model does, in chunks of %s', async (chunk) => {
    const options = chunk === undefined ? {} : { prefillChunk: chunk };
    const [mixed, int8] = [await load({ ...MIXED, ...options }), await load({ dtype: 'int8', ...options })];
    expect(mixed.capabilities.dtype).toBe('q4');
    for (const prompt of cases.prompts) {
      const slices = prompt.images.map(goldenSlice);
      const features = slices.length > 0 ? await mixed.encodeImages(slices) : undefined;
      const logits = await mixed.createSequence().append(promptParts(prompt, features), { logits: 'all' });
      const sameFeatures = slices.length > 0 ? await int8.encodeImages(slices) : undefined;
      const expected = await int8.createSequence().append(promptParts(prompt, sameFeatures), { logits: 'all' });
      expect(dense(logits).rows).toBeGreaterThanOrEqual(LEAST);
      expect(largestDifference(dense(logits).data, dense(expected).data)).toBe(0);
    }
  });

  it('stays as it is when it forks and truncates', async () => {
    const model = await load(MIXED);
    const sequence = model.createSequence();
    await sequence.append([{ ids: someIds(40) }]);
    const fork = sequence.fork();
    await sequence.append([{ ids: someIds(LEAST, 300) }]);
    await sequence.append([{ ids: someIds(2, 400) }]);
    sequence.truncate(40);
    for (const count of [1, LEAST - 1, LEAST, 3]) {
      const [one, other] = [sequence, fork].map((of: SequenceV1) => of.append([{ ids: someIds(count, of.length) }]));
      expect(dense(await one!).data).toEqual(dense(await other!).data);
    }
  });

  it('answers nearer to fp32 than q4 alone, and not as near as int8', async () => {
    const exact = await load({ dtype: 'fp32' });
    const divergences: Record<string, { prefill: number; steps: number }> = {};
    for (const [name, options] of Object.entries({
      int8: { dtype: 'int8' },
      mixed: MIXED,
      q4: { dtype: 'q4' },
    } as const)) {
      const model = await load(options);
      const sums = { prefill: 0, steps: 0 };
      for (const prompt of cases.prompts) {
        const [expected, actual] = [await answer(exact, prompt), await answer(model, prompt)];
        sums.prefill += compareLogits(expected.prefill, actual.prefill).divergence / cases.prompts.length;
        sums.steps += compareLogits(expected.steps, actual.steps).divergence / cases.prompts.length;
      }
      divergences[name] = sums;
    }
    const { int8, mixed, q4 } = divergences;
    expect(mixed!.prefill).toBe(int8!.prefill);
    expect(mixed!.prefill).toBeLessThan(q4!.prefill / 4);
    expect(mixed!.steps).toBeGreaterThan(int8!.steps);
    expect(mixed!.steps).toBeLessThan(q4!.steps);
  });

  it('works in a worker, in turns with the vision encoder, with an int8 cache, and from packed weights', async () => {
    const ids = someIds(LEAST);
    const root = await mkdtemp(join(tmpdir(), 'pocketlens-prefill-'));
    const ask = async (model: BackendModelV1): Promise<Float32Array[]> => {
      const features = await model.encodeImages([goldenSlice('wide')]);
      const sequence = model.createSequence();
      const first = dense(await sequence.append([{ ids }, { features, slice: 0 }])).data;
      return [first, dense(await sequence.append([{ ids: [20] }])).data, await features.read()];
    };
    for (const kvCache of ['float32', 'int8'] as const) {
      const plain = await ask(await load({ ...MIXED, kvCache }));
      for (const engine of [{}, { memory: 'low' }, { prepacked: root }, { prepacked: root }] as const) {
        expect(await ask(await load({ ...MIXED, kvCache }, engine))).toEqual(plain);
      }
      const step = dense(await (await load({ ...MIXED, kvCache })).createSequence().append([{ ids: [20] }])).data;
      const alone = dense(await (await load({ dtype: 'q4', kvCache })).createSequence().append([{ ids: [20] }])).data;
      expect(step).toEqual(alone);
    }
    // The vision encoder, and the int8 decoder with either cache.
    expect(await readdir(join(root, 'prepacked'))).toHaveLength(3);
    await rm(root, { recursive: true });
  });

  it('tells what is lacking', async () => {
    await expect(load({ dtype: 'q4', prefillDtype: 'fp16' })).rejects.toMatchObject({
      code: 'MODEL_DTYPE',
      message: expect.stringContaining('fp16'),
      hint: expect.stringContaining('pocketlens convert CHECKPOINT MODEL --dtype q4,fp16'),
    });
    await expect(load({ prefillDtype: 'fp32' })).rejects.toMatchObject({
      code: 'ARGUMENT_RANGE',
      hint: expect.stringContaining('fp32, int8, q4'),
    });
    await rm(join(directory, 'onnx/decoder_model_merged_quantized.onnx'));
    await expect(load(MIXED)).rejects.toThrow('decoder_model_merged_quantized.onnx');
    await expect(load({ dtype: 'q4' })).resolves.toBeDefined();
  });
});

/** Logits of all positions of a golden prompt, and of 20 single steps after it with the golden answer. */
async function answer(
  model: BackendModelV1,
  prompt: (typeof cases.prompts)[number],
): Promise<{ readonly prefill: DenseLogits; readonly steps: DenseLogits }> {
  const features = prompt.images.length > 0 ? await model.encodeImages(prompt.images.map(goldenSlice)) : undefined;
  const sequence = model.createSequence();
  const prefill = dense(await sequence.append(promptParts(prompt, features), { logits: 'all' }));
  const rows: number[] = [];
  for (const id of prompt.greedy_20) rows.push(...dense(await sequence.append([{ ids: [id] }])).data);
  const { length } = prompt.greedy_20;
  return { prefill, steps: { ...prefill, rows: length, data: Float32Array.from(rows) } };
}
