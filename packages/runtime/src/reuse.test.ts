import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import type { RgbImage } from '@pocketlens/preprocessing';
import { makeChatModel } from '../test/chat-model.js';
import { openModel } from './index.js';
import type { ChatOptions, ChatProgress, Message, OpenModelOptions, VisionLanguageModel } from './index.js';

function picture(width: number, height: number, shift = 0): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i * 2654435761) >>> 24) ^ shift);
  return { width, height, data };
}

/** A question about a picture; every call makes new objects with the same content. */
const about = (text: string, shift = 0): Message => ({
  role: 'user',
  content: [
    { type: 'image', image: picture(120, 100, shift) },
    { type: 'text', text },
  ],
});

// A joint batch, and every image alone.
describe.each([{ version: '2.5' }, { version: '2.6', batch_vision_input: false }])('reuse with %j', (config) => {
  let directory: string;
  let remove: () => Promise<void>;
  let model: VisionLanguageModel;
  const open = (options: OpenModelOptions = {}): Promise<VisionLanguageModel> =>
    openModel(directory, { backend: onnxruntimeNode({ threads: 1, worker: false }), ...options });

  beforeAll(async () => {
    ({ directory, remove } = await makeChatModel(config, {
      version: Number(config.version),
      max_slice_nums: 2,
      scale_resolution: 84,
    }));
    model = await open();
  });

  beforeEach(() => model.clearCaches());

  afterAll(async () => {
    await model.dispose();
    await remove();
  });

  async function ask(
    model: VisionLanguageModel,
    messages: readonly Message[],
    options: ChatOptions = {},
  ): Promise<{ text: string; tokenIds: readonly number[]; reused: number | undefined; encoded: number }> {
    let encoded = 0;
    const onProgress = ({ phase }: ChatProgress): unknown => phase === 'encode' && encoded++;
    const { text, tokenIds, usage } = await model.generate(messages, { maxNewTokens: 8, onProgress, ...options });
    return { text, tokenIds, reused: usage.reusedTokens, encoded };
  }

  it('answers a conversation that comes whole each time as if it were new', async () => {
    const messages: Message[] = [about('What is it?')];
    for (const [turn, next] of ['And now?', 'Why?', 'Sure?'].entries()) {
      const warm = await ask(model, [...messages]);
      const cold = await ask(model, [...messages], { reuse: false });
      expect(warm).toMatchObject({ text: cold.text, tokenIds: cold.tokenIds });
      expect(cold).toMatchObject({ reused: 0, encoded: 3 });
      expect(warm.encoded).toBe(turn === 0 ? 3 : 0);
      expect(warm.reused! > 40).toBe(turn > 0);
      messages.splice(0, 1, about('What is it?'));
      messages.push({ role: 'assistant', content: warm.text }, { role: 'user', content: next });
    }
    expect(model.cacheStats()).toMatchObject({
      images: { entries: 1, hits: 2, misses: 1, bytes: 3 * 16 * 256 * 4 },
      sequences: { sequences: 1, hits: 2, misses: 1 },
    });
    model.clearCaches();
    expect(model.cacheStats()).toMatchObject({ images: { entries: 0, bytes: 0 }, sequences: { sequences: 0 } });
  });

  it('does not take one picture for another', async () => {
    await ask(model, [about('What is it?', 1)]);
    const other = await ask(model, [about('What is it?', 2)]);
    expect(other.tokenIds).toEqual((await ask(model, [about('What is it?', 2)], { reuse: false })).tokenIds);
    expect(other.reused).toBe(0);
  });

  it('gives the same answers to requests at the same time', async () => {
    const questions = ['One?', 'Two?', 'Three?', 'Four?', 'Five?'].map((text) => [about(text)]);
    const single = [];
    for (const question of questions) single.push((await ask(model, question, { reuse: false })).tokenIds);
    await ask(model, questions[0]!);
    const { misses } = model.cacheStats().images;
    const together = await Promise.all(questions.map((question) => ask(model, question)));
    expect(together.map(({ tokenIds }) => tokenIds)).toEqual(single);
    expect(model.cacheStats().images.misses).toBe(misses);
  });

  it('is as before after an abort in any phase, and after a reader has left', async () => {
    await ask(model, [about('What is it?')]);
    const expected = await ask(model, [about('What is it? Tell.')], { reuse: false });
    for (const phase of ['prefill', 'decode'] as const) {
      const controller = new AbortController();
      const onProgress = (event: ChatProgress): void => {
        if (event.phase === phase) controller.abort();
      };
      const stream = model.chat([about('What is it? Tell.')], { signal: controller.signal, onProgress });
      const reading = (async (): Promise<void> => {
        for await (const _ of stream) controller.abort();
      })();
      await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
    }
    for await (const _ of model.chat([about('What is it? Tell.')], { maxNewTokens: 100 })) break;
    const after = await ask(model, [about('What is it? Tell.')]);
    expect(after.tokenIds).toEqual(expected.tokenIds);
    expect(after.reused).toBeGreaterThan(40);
  });

  it('keeps what the options allow, and gives the same answers with nothing kept', async () => {
    const forgetful = await open({ cache: { imageBytes: 0, sequences: 0 } });
    const first = await ask(forgetful, [about('What is it?')]);
    const second = await ask(forgetful, [about('What is it?')]);
    expect(second).toEqual(first);
    expect(second).toMatchObject({ reused: 0, encoded: 3 });
    expect(forgetful.cacheStats()).toMatchObject({ images: { entries: 0 }, sequences: { sequences: 0 } });
    await forgetful.dispose();
    await expect(open({ cache: { imageBytes: -1 } })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    await expect(open({ cache: { sequences: NaN } })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
  });

  it('hands a conversation from a session to a request, and on to another session', async () => {
    const session = model.session();
    const { text } = await session.ask(about('What is it?').content, { maxNewTokens: 8 });
    session.dispose();
    session.dispose();
    const messages: Message[] = [about('What is it?'), { role: 'assistant', content: text }];
    const next: Message = { role: 'user', content: 'Why?' };
    const warm = await ask(model, [...messages, next]);
    expect(warm.reused).toBeGreaterThan(40);
    const later = model.session({ messages });
    const { tokenIds, usage } = await later.ask('Why?', { maxNewTokens: 8 });
    expect(usage.reusedTokens).toBe(usage.promptTokens - 1);
    expect(tokenIds).toEqual(warm.tokenIds);
    expect((await ask(model, [...messages, next], { reuse: false })).tokenIds).toEqual(tokenIds);
    later.dispose();
  });
});
