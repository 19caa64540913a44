import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cases,
  convertGolden,
  editTensor,
  goldenSlice,
  largestDifference,
  readNpy,
  TOLERANCE,
} from '../../backend-onnxruntime-node/test/golden.js';
import type { GoldenPrompt } from '../../backend-onnxruntime-node/test/golden.js';
import { openModel } from './index.js';
import type { RawInput, VisionLanguageModel } from './index.js';

const VOCABULARY = 512;

const input = (prompt: GoldenPrompt): RawInput => ({
  ids: prompt.input_ids,
  slices: prompt.images.map(goldenSlice),
  imageBounds: prompt.image_bounds,
});

const lastRow = (logits: Float32Array): Float32Array => logits.subarray(-VOCABULARY);

describe('a model directory without tokenizer', () => {
  let model: VisionLanguageModel;
  let cleanUp: () => Promise<void>;

  beforeAll(async () => {
    const { directory, remove } = await convertGolden();
    cleanUp = remove;
    model = await openModel(directory, { threads: 1 });
  });

  afterAll(async () => {
    await model.dispose();
    await cleanUp();
  });

  it('opens with a warning and refuses to chat', async () => {
    expect(model.warnings).toMatchObject([{ code: 'TOKENIZER_MISSING' }]);
    await expect(model.generate([{ role: 'user', content: 'Hi' }])).rejects.toMatchObject({
      code: 'TOKENIZER_MISSING',
    });
  });

  it.each(cases.prompts)('gives the logits of $name', async (prompt) => {
    const logits = await model.forward(input(prompt));
    expect(logits.length).toBe(prompt.input_ids.length * VOCABULARY);
    expect(largestDifference(lastRow(logits), readNpy(prompt.last_logits))).toBeLessThan(TOLERANCE.logits);
    const all = prompt.all_logits === undefined ? logits : readNpy(prompt.all_logits);
    expect(largestDifference(logits, all)).toBeLessThan(TOLERANCE.logits);
  });

  it.each(cases.prompts)('continues $name greedily, with a penalty and with beams', async (prompt) => {
    const run = (options: object): Promise<number[]> =>
      model.generateFromIds({ ...input(prompt), maxNewTokens: 20, ...options });
    expect(await run({})).toEqual(prompt.greedy_20);
    expect(await run({ repetitionPenalty: 1.05 })).toEqual(prompt['greedy_20_repetition_penalty_1.05']);
    expect(await run({ beams: 3, repetitionPenalty: 1.2 })).toEqual(prompt['beam3_20_repetition_penalty_1.2']);
  });

  it('stops at a stop id, with and without beams', async () => {
    const prompt = cases.prompts[0]!;
    const end = prompt.greedy_20[5]!;
    const first = prompt.greedy_20.indexOf(end);
    expect(await model.generateFromIds({ ...input(prompt), maxNewTokens: 20, stopIds: [end] })).toEqual(
      prompt.greedy_20.slice(0, first),
    );
    const beam = prompt['beam3_20_repetition_penalty_1.2'];
    const stopIds = [beam[0]!];
    const stopped = await model.generateFromIds({
      ...input(prompt),
      maxNewTokens: 6,
      beams: 3,
      repetitionPenalty: 1.2,
      stopIds,
    });
    expect(stopped).not.toContain(beam[0]);
  });

  it('samples the same ids for the same seed, and others for another', async () => {
    const run = (seed: number): Promise<number[]> =>
      model.generateFromIds({ ...input(cases.prompts[0]!), maxNewTokens: 12, temperature: 2, seed });
    const [first, again, other] = [await run(7), await run(7), await run(8)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('equals greedy when sampling keeps one token', async () => {
    const prompt = cases.prompts[1]!;
    expect(await model.generateFromIds({ ...input(prompt), maxNewTokens: 20, topK: 1, seed: 1 })).toEqual(
      prompt.greedy_20,
    );
    expect(await model.generateFromIds({ ...input(prompt), maxNewTokens: 20, topP: 1e-9, seed: 1 })).toEqual(
      prompt.greedy_20,
    );
  });

  it('encodes joint batches', async () => {
    for (const { images, resampled } of cases.batches) {
      const features = await model.encodeImages(images.map((name) => ({ slices: [goldenSlice(name)] })));
      expect(largestDifference(features, readNpy(resampled))).toBeLessThan(TOLERANCE.resampler);
    }
  });

  it('refuses image bounds that do not fit', async () => {
    const prompt = cases.prompts[1]!;
    const { ids, slices, imageBounds } = input(prompt);
    const [[start, end]] = imageBounds as [[number, number]];
    const wrong: RawInput[] = [
      { ids, ...(slices === undefined ? {} : { slices }) },
      { ids, imageBounds: [[start, end]] },
      { ids, slices: slices!, imageBounds: [[start, end - 1]] },
      { ids, slices: slices!, imageBounds: [[ids.length - 3, ids.length + 13]] },
      {
        ids,
        slices: [slices![0]!, slices![0]!],
        imageBounds: [
          [start, end],
          [start + 1, end + 1],
        ],
      },
    ];
    for (const refused of wrong) await expect(model.forward(refused)).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
  });
});

describe('damaged weights', () => {
  it('end in an error, not in noise', async () => {
    const edit = (checkpoint: string): Promise<void> =>
      editTensor(checkpoint, 'llm.model.norm.weight', (bytes) => bytes.set([0x00, 0x7e]));
    const { directory, remove } = await convertGolden({ edit });
    const model = await openModel(directory, { threads: 1 });
    try {
      for (const beams of [1, 3]) {
        const running = model.generateFromIds({ ids: [1, 20], maxNewTokens: 5, beams });
        await expect(running).rejects.toMatchObject({ code: 'BACKEND_FAILED', details: { step: 0 } });
        await expect(running).rejects.toThrow('logits not finite at step 0');
      }
    } finally {
      await model.dispose();
      await remove();
    }
  });
});

describe('every image alone', () => {
  it('gives the golden logits and ids', async () => {
    const { directory, remove } = await convertGolden({ config: { batch_vision_input: false } });
    const model = await openModel(directory, { threads: 1 });
    try {
      for (const prompt of cases.prompts.filter(({ batch_vision_input_false: apart }) => apart !== undefined)) {
        const { last_logits: logits, greedy_20: greedy } = prompt.batch_vision_input_false!;
        expect(largestDifference(lastRow(await model.forward(input(prompt))), readNpy(logits))).toBeLessThan(
          TOLERANCE.logits,
        );
        expect(await model.generateFromIds({ ...input(prompt), maxNewTokens: 20 })).toEqual(greedy);
      }
    } finally {
      await model.dispose();
      await remove();
    }
  });
});
