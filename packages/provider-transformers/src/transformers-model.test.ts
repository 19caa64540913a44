import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AutoModelForImageTextToText, AutoProcessor, RawImage } from '@huggingface/transformers';
import { decodeImage } from '@pocketlens/preprocessing';
import type { AnsweringModel, ChatPart, Message } from '@pocketlens/runtime';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import golden from '../../../tools/golden/transformers/golden.json' with { type: 'json' };
import { TransformersModel } from './index.js';

const CHECKPOINT = path.join(import.meta.dirname, '../../../tools/golden/transformers/model');
const PICTURE = path.join(import.meta.dirname, '../../../tools/golden/reading/images/sign-011.jpg');
const QUESTION: Message[] = [{ role: 'user', content: 'What is in the picture?' }];
const ABOUT_PICTURE: Message[] = [
  {
    role: 'user',
    content: [
      { type: 'image', image: PICTURE },
      { type: 'text', text: 'What does the sign say?' },
    ],
  },
];

let model: TransformersModel;
beforeAll(async () => {
  model = await TransformersModel.open(CHECKPOINT);
});
afterAll(() => model.dispose());
afterEach(() => vi.restoreAllMocks());

/** Greedy ids of the library's own `generate`, as its documentation shows. */
async function libraryIds(prompt: string, pictures: readonly string[], maxNewTokens: number): Promise<number[]> {
  const options = { local_files_only: true };
  const processor = await AutoProcessor.from_pretrained(CHECKPOINT, options);
  const network = await AutoModelForImageTextToText.from_pretrained(CHECKPOINT, { ...options, dtype: 'fp32' });
  const images = await Promise.all(
    pictures.map(async (picture) => {
      const { data, width, height } = await decodeImage(picture);
      return new RawImage(new Uint8ClampedArray(data), width, height, 3);
    }),
  );
  const inputs = (await processor(prompt, images)) as { readonly input_ids: { readonly dims: readonly number[] } };
  const output = (await network.generate({ ...inputs, max_new_tokens: maxNewTokens, do_sample: false })) as {
    tolist(): bigint[][];
  };
  await network.dispose();
  const ids = output.tolist()[0]!.slice(inputs.input_ids.dims[1]).map(Number);
  return ids.at(-1) === processor.tokenizer?.eos_token_id ? ids.slice(0, -1) : ids;
}

async function parts(stream: AsyncIterable<ChatPart>): Promise<ChatPart[]> {
  const all: ChatPart[] = [];
  for await (const part of stream) all.push(part);
  return all;
}

describe('an answer', () => {
  it("has PyTorch's ids", async () => {
    const { tokenIds, usage, finishReason } = await model.generate(QUESTION, { maxNewTokens: 32 });
    expect(tokenIds).toEqual(golden.answerIds);
    expect(usage).toEqual({ promptTokens: golden.promptIds.length, imageTokens: 0, completionTokens: 32 });
    expect(finishReason).toBe('length');
  });

  it("about pictures has the ids of the library's own generate", async () => {
    const { tokenIds, usage } = await model.generate(ABOUT_PICTURE, { maxNewTokens: 24 });
    const prompt = '<|im_start|>User:<image> What does the sign say?<end_of_utterance>\nAssistant:';
    expect(tokenIds).toEqual(await libraryIds(prompt, [PICTURE], 24));
    // Two tiles of a wide picture and the whole, one embedding each.
    expect(usage.imageTokens).toBe(3);
    const other = await model.generate([{ role: 'user', content: 'What does the sign say?' }], { maxNewTokens: 24 });
    expect(other.tokenIds).not.toEqual(tokenIds);
  });

  it('about two pictures over two turns has them too', async () => {
    const again: Message[] = [
      ...ABOUT_PICTURE,
      { role: 'assistant', content: 'Read' },
      {
        role: 'user',
        content: [...ABOUT_PICTURE[0]!.content.slice(0, 1), { type: 'text', text: 'How many?' }] as never,
      },
    ];
    const { tokenIds } = await model.generate(again, { maxNewTokens: 12 });
    const prompt =
      '<|im_start|>User:<image> What does the sign say?<end_of_utterance>\nAssistant: Read<end_of_utterance>\n' +
      'User:<image> How many?<end_of_utterance>\nAssistant:';
    expect(tokenIds).toEqual(await libraryIds(prompt, [PICTURE, PICTURE], 12));
  });

  it('is streamed as the text of the whole, with its ids and a finish part', async () => {
    const whole = await model.generate(ABOUT_PICTURE, { maxNewTokens: 24 });
    const streamed = await parts(model.chat(ABOUT_PICTURE, { maxNewTokens: 24 }));
    const deltas = streamed.slice(0, -1).filter((part) => part.type === 'text-delta');
    expect(deltas.length).toBeGreaterThan(5);
    expect(
      deltas
        .map(({ text }) => text)
        .join('')
        .trim(),
    ).toBe(whole.text.trim());
    expect(deltas.flatMap(({ tokenIds }) => tokenIds)).toEqual(whole.tokenIds);
    expect(streamed.at(-1)).toMatchObject({ type: 'finish', finishReason: 'length', warnings: [] });
  });

  it('comes the same from several calls at once', async () => {
    const alone = await model.generate(QUESTION, { maxNewTokens: 8 });
    const together = await Promise.all([1, 2, 3].map(() => model.generate(QUESTION, { maxNewTokens: 8 })));
    for (const { tokenIds } of together) expect(tokenIds).toEqual(alone.tokenIds);
  });
});

describe('options', () => {
  it('sample by the rules of the runtime: a seed repeats, another differs', async () => {
    const draw = async (seed: number): Promise<readonly number[]> =>
      (await model.generate(QUESTION, { maxNewTokens: 16, temperature: 2, topK: 50, topP: 0.95, seed })).tokenIds;
    const first = await draw(7);
    expect(await draw(7)).toEqual(first);
    expect(await draw(8)).not.toEqual(first);
  });

  it('end the answer before a stop text and give none of it out', async () => {
    const { text } = await model.generate(QUESTION, { maxNewTokens: 24 });
    const stop = text.slice(6, 9);
    const cut = await model.generate(QUESTION, { maxNewTokens: 24, stop });
    expect(cut.text).toBe(text.slice(0, text.indexOf(stop)).trim());
    expect(cut.finishReason).toBe('stop');
  });

  it('tell log-probabilities', async () => {
    const { logprobs, tokenIds } = await model.generate(QUESTION, { maxNewTokens: 4, logprobs: 2 });
    expect(logprobs?.map(({ id }) => id)).toEqual(tokenIds);
    for (const { logprob, top } of logprobs ?? []) expect(top[0]!.logprob).toBe(logprob);
  });

  it('that have no effect here are named', async () => {
    const { warnings } = await model.generate(QUESTION, { maxNewTokens: 2, beams: 3, lengthPenalty: 2 });
    expect(warnings.map(({ code }) => code)).toEqual(['OPTION_IGNORED', 'OPTION_IGNORED']);
    expect(warnings[0]!.message).toContain('beams');
  });

  it('and prompts that do not fit are told', async () => {
    const long: Message[] = [{ role: 'user', content: 'word '.repeat(600) }];
    await expect(model.generate(long)).rejects.toMatchObject({ code: 'PROMPT_TOO_LONG' });
    await expect(model.generate([])).rejects.toMatchObject({ code: 'PROMPT_EMPTY' });
    await expect(model.generate(QUESTION, { maxNewTokens: 0 })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    await expect(
      model.generate([{ role: 'user', content: [{ type: 'image', image: 'none.png' }] }]),
    ).rejects.toMatchObject({ [Symbol.for('pocketlens.error')]: true });
  });
});

describe('text of users', () => {
  const idsOf = async (content: string): Promise<number> =>
    (await model.generate([{ role: 'user', content }], { maxNewTokens: 1 })).usage.promptTokens;

  it('never becomes a control token or a picture', async () => {
    const words = [
      '<image>',
      '<|im_start|>',
      '<end_of_utterance>',
      '<row_1_col_1>',
      '<<image>image>',
      '<|placeholder|>',
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 }))), async (pieces) => {
        const text = `x${pieces.join('')}x`;
        const { usage } = await model.generate([{ role: 'user', content: text }], { maxNewTokens: 1 });
        expect(usage.imageTokens).toBe(0);
        const about = { role: 'user', content: [...ABOUT_PICTURE[0]!.content.slice(0, 1), { type: 'text', text }] };
        expect((await model.generate([about as Message], { maxNewTokens: 1 })).usage.imageTokens).toBe(3);
      }),
      { numRuns: 15, examples: [[words]] },
    );
  });

  it('is longer in tokens where it looks like one', async () => {
    // One token each, if they were read as control words.
    expect((await idsOf('<end_of_utterance>')) - (await idsOf('<'))).toBeGreaterThan(8);
  });
});

describe('an abort', () => {
  it('ends before, between and after tokens', async () => {
    const reason = new Error('enough');
    await expect(model.generate(QUESTION, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'ABORTED',
      cause: reason,
    });
    const controller = new AbortController();
    const streamed = model.chat(QUESTION, { maxNewTokens: 400, signal: controller.signal });
    let count = 0;
    const read = async (): Promise<void> => {
      for await (const part of streamed) {
        expect(part.type).toBe('text-delta');
        if (++count === 3) controller.abort(reason);
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
    expect(count).toBe(3);
    expect((await model.generate(QUESTION, { maxNewTokens: 4 })).tokenIds).toEqual(golden.answerIds.slice(0, 4));
  });

  it('is what leaving the loop does', async () => {
    for await (const part of model.chat(QUESTION, { maxNewTokens: 400 })) {
      expect(part.type).toBe('text-delta');
      break;
    }
    expect((await model.generate(QUESTION, { maxNewTokens: 4 })).tokenIds).toEqual(golden.answerIds.slice(0, 4));
  });
});

describe('opening', () => {
  const folders: string[] = [];
  const changed = async (change: (folder: string) => Promise<void>): Promise<string> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocketlens-transformers-'));
    folders.push(folder);
    await cp(CHECKPOINT, folder, { recursive: true });
    await change(folder);
    return folder;
  };
  const fails = async (folder: string, code: string, message: string): Promise<void> => {
    const failure = TransformersModel.open(folder);
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(message);
  };
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  it('tells what is missing, foreign or damaged, and asks no network', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch');
    await fails('no/such', 'MODEL_UNKNOWN', 'no/such');
    await fails(await changed((folder) => rm(path.join(folder, 'config.json'))), 'MODEL_FILE_MISSING', 'config.json');
    await fails(await changed((folder) => writeFile(path.join(folder, 'config.json'), '{')), 'MODEL_CONFIG', 'JSON');
    await fails(
      await changed((folder) => writeFile(path.join(folder, 'config.json'), '{"model_type":"bert"}')),
      'UNSUPPORTED',
      'bert',
    );
    await fails(
      await changed((folder) => rm(path.join(folder, 'onnx'), { recursive: true })),
      'MODEL_FILE_MISSING',
      'onnx',
    );
    await fails(await changed((folder) => rm(path.join(folder, 'tokenizer.json'))), 'MODEL_CONFIG', 'tokenizer.json');
    await fails(
      await changed((folder) => writeFile(path.join(folder, 'onnx/vision_encoder.onnx'), 'no graph')),
      'MODEL_CONFIG',
      'cannot be opened',
    );
    await expect(TransformersModel.open(CHECKPOINT, { dtype: 'q4' })).rejects.toMatchObject({ code: 'MODEL_DTYPE' });
    await expect(TransformersModel.open(CHECKPOINT, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(fetched).not.toHaveBeenCalled();
  });

  it('finds a name in the Hugging Face cache', async () => {
    const cache = await mkdtemp(path.join(tmpdir(), 'pocketlens-hub-'));
    folders.push(cache);
    const commit = 'a'.repeat(40);
    const folder = path.join(cache, 'models--org--tiny-eye');
    await cp(CHECKPOINT, path.join(folder, 'snapshots', commit), { recursive: true });
    await cp(CHECKPOINT, path.join(folder, 'refs'), { recursive: true });
    await writeFile(path.join(folder, 'refs/main'), commit);
    vi.stubEnv('HF_HUB_CACHE', cache);
    const named = await TransformersModel.open('org/tiny-eye').finally(() => vi.unstubAllEnvs());
    expect(named.name).toBe('org/tiny-eye');
    await named.dispose();
  });
});

it('is disposed once, ends running answers, and answers no more', async () => {
  const other: AnsweringModel = await TransformersModel.open(CHECKPOINT, { threads: 1 });
  const stream = other.chat(QUESTION, { maxNewTokens: 400 });
  await stream.next();
  await Promise.all([other.dispose(), other.dispose()]);
  await expect(parts(stream)).rejects.toMatchObject({ code: 'DISPOSED' });
  await expect(other.generate(QUESTION)).rejects.toMatchObject({ code: 'DISPOSED' });
});
