import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Llama3Tokenizer } from '@pocketlens/tokenizer';
import { preprocess } from '@pocketlens/preprocessing';
import type { RgbImage } from '@pocketlens/preprocessing';
import { controlIds, makeChatModel } from '../test/chat-model.js';
import { openModel } from './index.js';
import type { ChatPart, ChatProgress, ChatResult, Message, VisionLanguageModel } from './index.js';

/** A picture that differs from pixel to pixel. */
function picture(width: number, height: number, shift = 0): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i * 2654435761) >>> 24) ^ shift);
  return { width, height, data };
}

const bytes = (text: string): number[] => Array.from(new TextEncoder().encode(text));
const id = (name: string): number => controlIds.get(name)!;
const turn = (role: string, content: readonly number[]): number[] => [
  id('<|start_header_id|>'),
  ...bytes(role),
  id('<|end_header_id|>'),
  ...bytes('\n\n'),
  ...content,
];
const opening = (content: readonly number[]): number[] => [
  id('<|begin_of_text|>'),
  ...turn('user', content),
  id('<|eot_id|>'),
  ...turn('assistant', []),
];

const ask = (content: Message['content']): readonly Message[] => [{ role: 'user', content }];

async function collect(parts: AsyncIterable<ChatPart>): Promise<ChatPart[]> {
  const collected: ChatPart[] = [];
  for await (const part of parts) collected.push(part);
  return collected;
}

/** An answer without its timings, and without what it found computed. */
const essence = ({ text, tokenIds, finishReason, usage }: ChatResult): object => ({
  text,
  tokenIds,
  finishReason,
  usage: { ...usage, reusedTokens: undefined },
});

describe('chat with a version 2.5 model', () => {
  let model: VisionLanguageModel;
  let tokenizer: Llama3Tokenizer;
  let cleanUp: () => Promise<void>;

  beforeAll(async () => {
    const { directory, remove } = await makeChatModel();
    cleanUp = remove;
    model = await openModel(directory, { threads: 1, contextLength: 1500 });
    const ranks = Array.from({ length: 256 }, (_, byte) => `${Buffer.of(byte).toString('base64')} ${byte}`).join('\n');
    const names = Array.from({ length: 244 }, (_, index): [string, number] => [
      `<|reserved_${index + 12}|>`,
      268 + index,
    ]);
    tokenizer = await Llama3Tokenizer.load(ranks, { specialTokens: new Map([...controlIds, ...names]) });
  });

  afterAll(async () => {
    await model.dispose();
    await cleanUp();
  });

  it('answers as generateFromIds does from the ids of the template', async () => {
    const stopIds = [id('<|end_of_text|>'), id('<|eot_id|>')];
    const ids = opening(bytes('What?'));
    const expected = await model.generateFromIds({ ids, maxNewTokens: 40, stopIds });
    const result = await model.generate(ask(' What? '), { maxNewTokens: 40 });
    expect(result.tokenIds).toEqual(expected);
    expect(result.text).toBe(tokenizer.decode(expected).trim());
    expect(result.usage).toMatchObject({ promptTokens: ids.length, imageTokens: 0, completionTokens: expected.length });
    expect(result.finishReason).toBe(expected.length === 40 ? 'length' : 'stop');
    expect(result.warnings).toEqual([]);
  });

  it('puts the slices of a picture where the placeholder says', async () => {
    const image = picture(900, 450);
    const { slices, plan } = await preprocess(image);
    expect(plan.grid).toEqual([2, 1]);
    const unk = Array.from({ length: 16 }, () => id('<unk>'));
    const I = [id('<image>'), ...unk, id('</image>')];
    const ids = opening([...I, id('<slice>'), ...I, ...I, id('</slice>'), ...bytes('\nRead.')]);
    const starts = ids.flatMap((value, at) => (value === id('<image>') ? [at + 1] : []));
    const imageBounds = starts.map((start): [number, number] => [start, start + 16]);
    const expected = await model.generateFromIds({ ids, slices, imageBounds, maxNewTokens: 8 });
    const progress: ChatProgress[] = [];
    const result = await model.generate(
      ask([
        { type: 'image', image },
        { type: 'text', text: 'Read.' },
      ]),
      {
        maxNewTokens: 8,
        onProgress: (event) => progress.push(event),
      },
    );
    expect(result.tokenIds).toEqual(expected);
    expect(result.usage).toMatchObject({ promptTokens: ids.length, imageTokens: 48, completionTokens: 8 });
    expect(progress.filter(({ phase }) => phase === 'encode').map(({ done, total }) => [done, total])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(progress.at(-1)).toEqual({ phase: 'prefill', done: ids.length, total: ids.length });
  });

  it('streams deltas that join to the answer, and one finish part at the end', async () => {
    const parts = await collect(model.chat(ask('Stream.'), { maxNewTokens: 30 }));
    const finish = parts.at(-1)!;
    expect(finish.type).toBe('finish');
    const deltas = parts.slice(0, -1).filter((part) => part.type === 'text-delta');
    expect(deltas).toHaveLength(parts.length - 1);
    const ids = deltas.flatMap(({ tokenIds }) => tokenIds);
    expect(deltas.map(({ text }) => text).join('')).toBe(tokenizer.decode(ids));
    const { timings } = finish as ChatPart & { type: 'finish' };
    expect(timings.firstTokenMs).toBeGreaterThan(0);
    expect(timings.tokensPerSecond).toBeGreaterThan(0);
    expect(Object.values(timings).every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
  });

  it('ends before a stop text', async () => {
    const whole = await model.generate(ask('Go.'), { maxNewTokens: 30 });
    const stop = whole.text.slice(20, 24);
    const cut = await model.generate(ask('Go.'), { maxNewTokens: 30, stop });
    expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)).trim());
    expect(cut.finishReason).toBe('stop');
  });

  it('ends before a stop text of any characters, wherever tokens cut them', async () => {
    const options = { maxNewTokens: 40, repetitionPenalty: 1.1 } as const;
    const whole = await model.generate(ask('Characters?'), options);
    const characters = Array.from(whole.text);
    // The random model answers in bytes: what is no UTF-8 comes as U+FFFD, of three bytes.
    for (const length of [1, 2, 5]) {
      const stop = characters.slice(8, 8 + length).join('');
      const { text, tokenIds, finishReason } = await model.generate(ask('Characters?'), {
        ...options,
        stop: ['never', stop],
      });
      expect(text).toBe(whole.text.slice(0, whole.text.indexOf(stop)).trim());
      expect(finishReason).toBe('stop');
      expect(tokenIds).toEqual(whole.tokenIds.slice(0, tokenIds.length));
    }
  });

  it('tells the log-probability of each token, in parts and in the whole answer', async () => {
    const options = { maxNewTokens: 12, logprobs: 3, repetitionPenalty: 1.3, stop: 'never said' } as const;
    const { tokenIds, logprobs } = await model.generate(ask('Sure?'), options);
    expect(logprobs!.map(({ id }) => id)).toEqual(tokenIds);
    const parts = (await collect(model.chat(ask('Sure?'), options))).filter((part) => part.type === 'text-delta');
    expect(parts.flatMap((part) => part.logprobs!.map(({ id }) => id))).toEqual(tokenIds);
    const ids = [...opening(bytes('Sure?')), ...tokenIds];
    const logits = await model.forward({ ids });
    for (const [index, { id, text, logprob, top }] of logprobs!.entries()) {
      const at = ids.length - tokenIds.length + index - 1;
      const scores = Array.from(logits.subarray(at * 512, (at + 1) * 512));
      const total = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
      expect(logprob).toBeCloseTo(scores[id]! - total, 3);
      expect(text).toBe(tokenizer.decode([id]));
      const best = scores.map((score, other) => ({ id: other, score })).sort((a, b) => b.score - a.score);
      expect(top.map((token) => token.id)).toEqual(best.slice(0, 3).map((token) => token.id));
    }
    expect(await model.generate(ask('Sure?'), { maxNewTokens: 2 })).not.toHaveProperty('logprobs');
    const beams = await model.generate(ask('Sure?'), { maxNewTokens: 6, beams: 2, logprobs: 0 });
    expect(beams.logprobs!.map(({ id, top }) => [id, top])).toEqual(beams.tokenIds.map((id) => [id, []]));
  });

  it('takes examples before the question: pictures, answers, and a system text', async () => {
    const images = [picture(60, 40, 1), picture(40, 60, 2), picture(50, 50, 3)];
    const messages: Message[] = [{ role: 'system', content: 'Like this.' }];
    const unk = Array.from({ length: 16 }, () => id('<unk>'));
    const ids = [id('<|begin_of_text|>'), ...turn('system', bytes('Like this.')), id('<|eot_id|>')];
    for (const [index, image] of images.entries()) {
      messages.push({
        role: 'user',
        content: [
          { type: 'image', image },
          { type: 'text', text: 'Name it.' },
        ],
      });
      ids.push(...turn('user', [id('<image>'), ...unk, id('</image>'), ...bytes('\nName it.')]), id('<|eot_id|>'));
      if (index < 2) messages.push({ role: 'assistant', content: `It is ${index}.` });
      ids.push(...turn('assistant', index < 2 ? [...bytes(`It is ${index}.`), id('<|eot_id|>')] : []));
    }
    const slices = [];
    for (const image of images) slices.push(...(await preprocess(image)).slices);
    const starts = ids.flatMap((value, at) => (value === id('<image>') ? [at + 1] : []));
    const imageBounds = starts.map((start): [number, number] => [start, start + 16]);
    const expected = await model.generateFromIds({ ids, slices, imageBounds, maxNewTokens: 8 });
    const result = await model.generate(messages, { maxNewTokens: 8 });
    expect(result.tokenIds).toEqual(expected);
    expect(result.usage).toMatchObject({ promptTokens: ids.length, imageTokens: 48 });
  });

  it('answers with beams, the whole text at once', async () => {
    const options = { maxNewTokens: 10, beams: 3, repetitionPenalty: 1.2 };
    const result = await model.generate(ask('Beams?'), options);
    const stopIds = [id('<|end_of_text|>'), id('<|eot_id|>')];
    expect(result.tokenIds).toEqual(
      await model.generateFromIds({ ids: opening(bytes('Beams?')), stopIds, ...options }),
    );
  });

  it('gives the same answers to two conversations at once as one after the other', async () => {
    const image = picture(60, 40);
    const questions = [
      ask('One?'),
      ask([
        { type: 'image', image },
        { type: 'text', text: 'Two?' },
      ]),
    ];
    const options = { maxNewTokens: 12, sampling: true, seed: 11 } as const;
    const single = [];
    for (const question of questions) single.push(essence(await model.generate(question, options)));
    const together = await Promise.all(questions.map((question) => model.generate(question, options)));
    expect(together.map(essence)).toEqual(single);
  });

  it('tells when the answer has less room than asked for', async () => {
    const long = 'a'.repeat(1450);
    const { finishReason, usage, warnings } = await model.generate(ask(long), { maxNewTokens: 100 });
    expect(warnings).toMatchObject([{ code: 'MAX_NEW_TOKENS_REDUCED' }]);
    expect(finishReason === 'stop' || usage.promptTokens + usage.completionTokens === 1500).toBe(true);
    expect((await model.generate(ask(long))).warnings).toEqual([]);
  });

  it('refuses a prompt that does not fit, with the numbers', async () => {
    const image = picture(60, 40);
    const failing = model.generate(
      ask([
        { type: 'image', image },
        { type: 'text', text: 'a'.repeat(2000) },
      ]),
    );
    const textTokens = opening(bytes(`\n${'a'.repeat(2000)}`)).length + 2;
    const details = { needed: textTokens + 16, textTokens, imageTokens: 16, limit: 1500 };
    await expect(failing).rejects.toMatchObject({ code: 'PROMPT_TOO_LONG', details });
  });

  it('tells about pictures outside of what the model knows', async () => {
    const image = picture(200, 14);
    const { warnings } = await model.generate(ask([{ type: 'image', image }]), { maxNewTokens: 1 });
    expect(warnings).toMatchObject([{ code: 'IMAGE_ASPECT_RATIO' }]);
  });

  it('hands on what is wrong with a picture, an option or the conversation', async () => {
    const image = new Uint8Array(0);
    await expect(model.generate(ask([{ type: 'image', image }]))).rejects.toMatchObject({ name: 'InvalidImageError' });
    await expect(model.generate(ask('a'), { topP: 2 })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    await expect(model.generate([])).rejects.toMatchObject({ code: 'PROMPT_EMPTY' });
  });

  it('aborts before the start, while encoding, while prefilling and while decoding', async () => {
    const reason = new Error('enough');
    // Not seen before: known pictures are not encoded again.
    const image = picture(900, 450, 3);
    const question = ask([
      { type: 'image', image },
      { type: 'text', text: 'a'.repeat(600) },
    ]);
    await expect(model.generate(question, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'ABORTED',
      cause: reason,
    });
    for (const phase of ['encode', 'prefill'] as const) {
      const controller = new AbortController();
      const onProgress = (event: ChatProgress): void => {
        if (event.phase === phase) controller.abort(reason);
      };
      const running = model.generate(question, { signal: controller.signal, onProgress });
      await expect(running).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: reason });
    }
    const controller = new AbortController();
    const seen: ChatPart[] = [];
    const reading = (async (): Promise<void> => {
      for await (const part of model.chat(ask('Go on.'), { signal: controller.signal, maxNewTokens: 500 })) {
        seen.push(part);
        if (seen.length === 3) controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
    expect(seen).toHaveLength(3);
  });

  it('lets timers run while it works, so that signals from outside are seen within 200 ms', async () => {
    const controller = new AbortController();
    let abortedAt = 0;
    setTimeout(() => {
      abortedAt = performance.now();
      controller.abort();
    }, 50);
    const running = model.generate(ask('Go on.'), {
      signal: controller.signal,
      maxNewTokens: 1400,
      stop: 'never said',
    });
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(performance.now() - abortedAt).toBeLessThan(200);
  });

  it('stops when the reader leaves', async () => {
    for await (const part of model.chat(ask('Go on.'), { maxNewTokens: 500 })) {
      expect(part.type).toBe('text-delta');
      break;
    }
    expect((await model.generate(ask('Next.'), { maxNewTokens: 2 })).tokenIds).toHaveLength(2);
  });
});

describe('sessions', () => {
  // A joint batch must encode all images anew when one joins; a grid model keeps what it has.
  it.each([{ version: '2.5' }, { version: '2.6', batch_vision_input: false }])(
    'answer with %j as whole conversations do',
    async (config) => {
      const { directory, remove } = await makeChatModel(config, {
        version: 2.6,
        max_slice_nums: 2,
        scale_resolution: 84,
        use_image_id: config.version === '2.6',
      });
      const model = await openModel(directory, { threads: 1 });
      try {
        const session = model.session({ system: 'Be brief.' });
        const messages: Message[] = [{ role: 'system', content: 'Be brief.' }];
        const first = { type: 'image', image: picture(500, 480) } as const;
        const second = { type: 'image', image: picture(64, 96, 9) } as const;
        for (const content of [
          'Hello.',
          [first, { type: 'text', text: 'And this?' } as const],
          'Why?',
          [second],
          'Thanks.',
        ]) {
          messages.push({ role: 'user', content });
          const expected = await model.generate(messages, { maxNewTokens: 6, reuse: false });
          const prefilled: number[] = [];
          const onProgress = (event: ChatProgress): unknown => event.phase === 'prefill' && prefilled.push(event.total);
          const { text, tokenIds, usage } = await session.ask(content, { maxNewTokens: 6, onProgress });
          expect({ text, tokenIds }).toEqual({ text: expected.text, tokenIds: expected.tokenIds });
          expect(usage.reusedTokens! + prefilled.at(-1)!).toBe(expected.usage.promptTokens);
          messages.push({ role: 'assistant', content: text });
          const isText = typeof content === 'string';
          expect(messages.length <= 3 || !isText || prefilled[0]! < usage.promptTokens / 2).toBe(true);
        }
        expect(session.messages).toEqual(messages);
        session.dispose();
        session.dispose();
        await expect(session.ask('More?')).rejects.toMatchObject({ code: 'DISPOSED' });
      } finally {
        await model.dispose();
        await remove();
      }
    },
  );

  it('refuse a second turn at once, forget an aborted one, and end when disposed', async () => {
    const { directory, remove } = await makeChatModel();
    const model = await openModel(directory, { threads: 1 });
    try {
      const session = model.session();
      const first = session.ask('One.', { maxNewTokens: 4 });
      await expect(session.ask('Two.')).rejects.toMatchObject({ code: 'SESSION_BUSY' });
      const { text } = await first;
      const controller = new AbortController();
      const aborted = session.ask('Three.', { signal: controller.signal, onProgress: () => controller.abort() });
      await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
      const history = [
        { role: 'user', content: 'One.' },
        { role: 'assistant', content: text },
      ] as const;
      expect(session.messages).toEqual(history);
      const next = await session.ask('Four.', { maxNewTokens: 4 });
      expect(next.tokenIds).toEqual(
        (await model.generate([...history, { role: 'user', content: 'Four.' }], { maxNewTokens: 4 })).tokenIds,
      );
      const running = session.ask('Five.', { maxNewTokens: 500, onProgress: () => session.dispose() });
      await expect(running).rejects.toMatchObject({ code: 'DISPOSED' });
      const disposing = model.generate(ask('Six.'), { maxNewTokens: 500, onProgress: () => void model.dispose() });
      await expect(disposing).rejects.toMatchObject({ code: 'DISPOSED' });
      await expect(model.generate(ask('Seven.'))).rejects.toMatchObject({ code: 'DISPOSED' });
    } finally {
      await model.dispose();
      await remove();
    }
  });
});
