import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1, DenseLogits, Logits, SequencePart } from '@pocketlens/backend';
import { modelDirectory } from '../../model-tiny/src/index.js';
import { compareLogits as compare } from '../test/compare-logits.js';
import { cases, convertGolden, goldenSlice, largestDifference, promptParts } from '../test/golden.js';
import { onnxruntimeNode } from './index.js';

const dense = (logits: Logits): DenseLogits => {
  if (logits.type !== 'dense') throw new Error('dense logits expected');
  return logits;
};

const TEXT = 'Total: 42.17 EUR, VAT 19% included. Thank you for your visit, and come again soon! ';

describe('an int8 cache', () => {
  let golden: string;
  let cleanUp: () => Promise<void>;
  const loaded: BackendModelV1[] = [];

  const load = async (directory: string, options: Parameters<typeof onnxruntimeNode>[0]): Promise<BackendModelV1> => {
    const model = await onnxruntimeNode({ threads: 1, worker: false, ...options }).loadModel(directory);
    loaded.push(model);
    return model;
  };

  beforeAll(async () => {
    ({ directory: golden, remove: cleanUp } = await convertGolden());
  });

  afterAll(async () => {
    await Promise.all(loaded.map((model) => model.dispose()));
    await cleanUp();
  });

  it('changes the logits of the golden model a little', async () => {
    const [exact, small] = [await load(golden, {}), await load(golden, { kvCache: 'int8' })];
    const results = [];
    for (const prompt of cases.prompts) {
      const logits = [];
      for (const model of [exact, small]) {
        const features =
          prompt.images.length > 0 ? await model.encodeImages(prompt.images.map(goldenSlice)) : undefined;
        logits.push(dense(await model.createSequence().append(promptParts(prompt, features), { logits: 'all' })));
      }
      results.push(compare(logits[0]!, logits[1]!));
    }
    for (const { divergence, sameBest } of results) {
      expect(divergence).toBeGreaterThan(0);
      expect(divergence).toBeLessThan(2e-3);
      expect(sameBest).toBeGreaterThan(0.95);
    }
  });

  it('changes the logits of the embedded model a little, after a picture, in chunks and token by token', async () => {
    const ids = [256, ...new TextEncoder().encode(TEXT.repeat(3))];
    const logits = new Map<string, DenseLogits>();
    for (const kvCache of ['float32', 'int8'] as const) {
      const model = await load(modelDirectory, { kvCache, prefillChunk: 64 });
      const features = await model.encodeImages([goldenSlice('wide')]);
      const parts: SequencePart[] = [{ ids: [256] }, { features, slice: 0 }, { ids }];
      logits.set(kvCache, dense(await model.createSequence().append(parts, { logits: 'all' })));
      const sequence = model.createSequence();
      const rows: number[] = [];
      for (const id of ids.slice(0, 100)) rows.push(...dense(await sequence.append([{ ids: [id] }])).data);
      const { vocabSize } = model.config;
      logits.set(`${kvCache}, single`, { type: 'dense', rows: 100, vocabSize, data: Float32Array.from(rows) });
    }
    const results = [
      compare(logits.get('float32')!, logits.get('int8')!),
      compare(logits.get('float32, single')!, logits.get('int8, single')!),
    ];
    for (const { divergence, sameBest } of results) {
      expect(divergence).toBeGreaterThan(0);
      expect(divergence).toBeLessThan(5e-3);
      expect(sameBest).toBeGreaterThan(0.95);
    }
  });

  it('forks, truncates and goes on as an exact one does', async () => {
    const exact = await load(golden, {});
    const small = await load(golden, { kvCache: 'int8' });
    const { input_ids: ids } = cases.prompts.find(({ name }) => name === 'text_only')!;
    const sequence = small.createSequence();
    await sequence.append([{ ids: ids.slice(0, 10) }]);
    const fork = sequence.fork();
    await sequence.append([{ ids: Array.from({ length: 300 }, (_, i) => 20 + i) }]);
    sequence.truncate(10);
    const expected = dense(await exact.createSequence().append([{ ids }]));
    for (const one of [fork, sequence]) {
      const { divergence } = compare(expected, dense(await one.append([{ ids: ids.slice(10) }])));
      expect(divergence).toBeLessThan(5e-3);
    }
    const again = dense(await small.createSequence().append([{ ids }])).data;
    expect(dense(await small.createSequence().append([{ ids }])).data).toEqual(again);
  });

  it('works in a worker, in turns with the vision encoder, and from packed weights', async () => {
    const ids = [20, 21, 22, 23];
    const plain = dense(await (await load(golden, { kvCache: 'int8' })).createSequence().append([{ ids }])).data;
    const root = await mkdtemp(join(tmpdir(), 'pocketlens-int8-'));
    for (const options of [{ worker: true, memory: 'low' as const }, { prepacked: root }, { prepacked: root }]) {
      const model = await load(golden, { kvCache: 'int8', ...options });
      const { data } = dense(await model.createSequence().append([{ ids }]));
      expect(largestDifference(data, plain)).toBe(0);
    }
    // One entry for each graph: the changed decoder is another than the one it was made from.
    expect(await readdir(join(root, 'prepacked'))).toHaveLength(2);
    await load(golden, { prepacked: root });
    expect(await readdir(join(root, 'prepacked'))).toHaveLength(3);
    await rm(root, { recursive: true });
  });

  it('tells when the decoder is no graph, or none that can have it', async () => {
    const { directory, remove } = await convertGolden();
    const path = join(directory, 'onnx/decoder_model_merged.onnx');
    const bytes = await readFile(path);
    await writeFile(path, Buffer.from(bytes).fill(0x55));
    await expect(load(directory, { kvCache: 'int8' })).rejects.toMatchObject({ code: 'MODEL_HEADER' });
    await writeFile(path, Buffer.from(bytes.toString('latin1').replaceAll('GroupQueryA', 'GroupQueryB'), 'latin1'));
    await expect(load(directory, { kvCache: 'int8' })).rejects.toMatchObject({ code: 'BACKEND_UNSUPPORTED' });
    await remove();
  });
});
