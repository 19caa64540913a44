import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decodeImage } from '@pocketlens/preprocessing';
import type { ChatOptions, ChatPart, ChatResult, Message } from '@pocketlens/runtime';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChatContent, ChatServer } from '../test/chat-server.js';
import { OpenAiModel, type OpenAiModelOptions } from './index.js';
import { stripEnds } from './reply.js';

const PICTURE = join(import.meta.dirname, '../../../tools/golden/reading/images/sign-011.jpg');
const HELLO: Message[] = [{ role: 'user', content: 'Hello' }];
let server: ChatServer;
beforeAll(async () => {
  server = await ChatServer.start(() => ({ text: '' }));
});
afterAll(() => server[Symbol.asyncDispose]());

function model(options: Partial<OpenAiModelOptions> = {}): OpenAiModel {
  return new OpenAiModel({ baseUrl: server.baseUrl, model: 'eye', maxRetries: 0, ...options });
}

async function collect(parts: AsyncIterable<ChatPart>): Promise<{ text: string[]; finish?: ChatPart }> {
  const text: string[] = [];
  for await (const part of parts) {
    if (part.type === 'finish') return { text, finish: part };
    text.push(part.text);
  }
  return { text };
}

const sent = (at = 0): Record<string, unknown> => server.received[at]!.body;

async function sentContent(content: Message['content']): Promise<readonly ChatContent[]> {
  server.behave = () => ({ text: 'x' });
  await model().generate([{ role: 'user', content }]);
  return server.received[0]!.body.messages[0]!.content as readonly ChatContent[];
}

describe('an answer', () => {
  it('comes whole, with usage and without white space at its ends', async () => {
    server.behave = () => ({ text: ' a red  car\n' });
    const result: ChatResult = await model().generate(HELLO, { maxNewTokens: 7, stop: 'end', seed: 3 });
    expect(result).toMatchObject({
      text: 'a red  car',
      finishReason: 'stop',
      usage: { promptTokens: 11, completionTokens: 4, reusedTokens: 4, imageTokens: Number.NaN },
      warnings: [],
    });
    expect(sent()).toEqual({
      model: 'eye',
      messages: [{ role: 'user', content: 'Hello' }],
      temperature: 0,
      max_tokens: 7,
      stop: ['end'],
      seed: 3,
    });
  });

  it('is streamed piece by piece and ends with a finish part', async () => {
    server.behave = () => ({ text: 'one two three', finishReason: 'length' });
    const { text, finish } = await collect(model().chat(HELLO));
    expect(text).toEqual(['one', ' two', ' three']);
    expect(finish).toMatchObject({
      finishReason: 'length',
      usage: { promptTokens: 11, completionTokens: 3 },
      timings: { loadMs: 0, firstTokenMs: expect.any(Number) as unknown },
    });
    expect(sent()).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  it('says that the counts are not known where the server does not tell', async () => {
    server.behave = () => ({ text: 'x', usage: false });
    expect((await model().generate(HELLO)).usage).toMatchObject({ promptTokens: Number.NaN });
    expect((await collect(model().chat(HELLO))).finish).toMatchObject({ usage: { completionTokens: Number.NaN } });
  });

  it('is any text, streamed or not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        server.behave = () => ({ text });
        const streamed = await collect(model().chat(HELLO));
        expect(streamed.text.join('')).toBe(text);
        expect((await model().generate(HELLO)).text).toBe(stripEnds(text));
      }),
      { numRuns: 10, examples: [['data: [DONE]\n\n'], ['<|eot_id|>']] },
    );
  });
});

describe('pictures', () => {
  const url = (content: readonly ChatContent[]): string => content[0]!.image_url!.url;

  it('are sent as they are, wherever they come from', async () => {
    const bytes = await readFile(PICTURE);
    const expected = `data:image/jpeg;base64,${bytes.toString('base64')}`;
    const inputs = [PICTURE, pathToFileURL(PICTURE), bytes, new Uint8Array(bytes).buffer, new Blob([bytes])];
    for (const image of inputs) {
      const content = await sentContent([
        { type: 'image', image },
        { type: 'text', text: 'Read <image 1>.' },
      ]);
      expect(content).toEqual([
        { type: 'image_url', image_url: { url: expected } },
        { type: 'text', text: 'Read <image 1>.' },
      ]);
    }
  });

  it('become PNG without loss where they are pixels', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), async (width, height) => {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * 89 + width) % 256);
        const png = url(await sentContent([{ type: 'image', image: { width, height, data } }]));
        expect(png.startsWith('data:image/png;base64,')).toBe(true);
        const image = await decodeImage(Buffer.from(png.slice(22), 'base64'), { mode: 'exact' });
        expect(image).toMatchObject({ width, height });
        expect(Buffer.from(image.data).equals(data)).toBe(true);
      }),
      { numRuns: 8 },
    );
  });

  it('that are none are refused before anything is sent', async () => {
    server.behave = () => ({ text: 'x' });
    const images = [Buffer.from('a letter'), new Uint8Array(), '/nowhere.png', 'https://example.com/x.png'];
    for (const image of images) {
      const messages: Message[] = [{ role: 'user', content: [{ type: 'image', image }] }];
      await expect(model().generate(messages)).rejects.toMatchObject({ code: 'PROVIDER_IMAGE', isRetryable: false });
    }
    expect(server.received).toHaveLength(0);
  });
});

describe('options', () => {
  const asked: ChatOptions = { beams: 3, repetitionPenalty: 1.2, minNewTokens: 2, lengthPenalty: 2, maxNewTokens: 9 };

  it('outside of the protocol are told, not sent', async () => {
    server.behave = () => ({ text: 'x' });
    const { warnings } = await model().generate(HELLO, asked);
    expect(warnings.map(({ code, message }) => [code, message.split(' ')[2]])).toEqual([
      ['OPTION_IGNORED', 'repetitionPenalty'],
      ['OPTION_IGNORED', 'minNewTokens'],
      ['OPTION_IGNORED', 'beams'],
      ['OPTION_IGNORED', 'lengthPenalty'],
    ]);
    expect(Object.keys(sent())).toEqual(['model', 'messages', 'temperature', 'max_tokens']);
  });

  it('are sent in the words of the server', async () => {
    server.behave = () => ({ text: 'x y' });
    const vllm = model({ dialect: 'vllm' });
    expect((await vllm.generate(HELLO, asked)).warnings).toEqual([]);
    expect(sent()).toMatchObject({
      use_beam_search: true,
      n: 3,
      repetition_penalty: 1.2,
      min_tokens: 2,
      length_penalty: 2,
    });
    const { text } = await collect(vllm.chat(HELLO, { beams: 3 }));
    expect([text, sent(1)['stream']]).toEqual([['x y'], undefined]);
    const sampled = await model({ dialect: 'llama.cpp' }).generate(HELLO, { sampling: true });
    expect(sampled.warnings).toEqual([]);
    expect(sent(2)).toMatchObject({ temperature: 0.7, top_p: 0.8, top_k: 100, repeat_penalty: 1.05 });
    await model({ tokenLimitField: 'max_completion_tokens' }).generate(HELLO, { maxNewTokens: 5, temperature: 0.3 });
    expect(sent(3)).toMatchObject({ max_completion_tokens: 5, temperature: 0.3 });
    expect(sent(3)).not.toHaveProperty('max_tokens');
  });

  it('of the connection are sent, and nothing is taken from the environment', async () => {
    server.behave = () => ({ text: 'x' });
    const before = process.env['OPENAI_API_KEY'];
    process.env['OPENAI_API_KEY'] = 'a key for another host';
    try {
      await model().generate(HELLO);
      expect(server.received[0]!.headers.authorization).toBeUndefined();
      await model({ apiKey: 'secret', headers: { 'x-team': 'lens' } }).generate(HELLO);
      expect(server.received[1]!.headers).toMatchObject({ authorization: 'Bearer secret', 'x-team': 'lens' });
    } finally {
      if (before === undefined) delete process.env['OPENAI_API_KEY'];
      else process.env['OPENAI_API_KEY'] = before;
    }
  });

  it('must name an address', () => {
    for (const baseUrl of ['localhost:8000', 'ftp://x/v1', '']) {
      expect(() => model({ baseUrl })).toThrowError(expect.objectContaining({ code: 'PROVIDER_URL' }) as Error);
    }
  });
});

describe('failures', () => {
  it('that pass are retried', async () => {
    const passing = { 'retry-after-ms': '5' };
    server.behave = (_, count) =>
      count < 4 ? { status: [503, 429, 500][count - 1]!, headers: passing } : { text: 'ok' };
    expect((await model({ maxRetries: 3 }).generate(HELLO)).text).toBe('ok');
    expect(server.received).toHaveLength(4);
  });

  it('that do not pass are told at once, by kind', async () => {
    const kinds = [
      [400, 'PROVIDER_REQUEST', false],
      [401, 'PROVIDER_AUTHENTICATION', false],
      [403, 'PROVIDER_AUTHENTICATION', false],
      [404, 'PROVIDER_NOT_FOUND', false],
      [413, 'PROVIDER_REQUEST', false],
      [429, 'PROVIDER_RATE_LIMIT', true],
      [500, 'PROVIDER_FAILED', true],
      [504, 'PROVIDER_TIMEOUT', true],
    ] as const;
    for (const [status, code, isRetryable] of kinds) {
      server.behave = () => ({ status, body: { error: { message: 'the reason' } } });
      const expected = { code, isRetryable, [Symbol.for('pocketlens.error')]: true };
      await expect(model().generate(HELLO)).rejects.toMatchObject(expected);
      await expect(collect(model().chat(HELLO))).rejects.toMatchObject(expected);
    }
    server.behave = () => ({ status: 400, body: { error: { message: 'the prompt is too long' } } });
    await expect(model().generate(HELLO)).rejects.toThrow(
      `${server.host} refuses the request (status 400: the prompt is too long)`,
    );
  });

  it('of a used-up quota are not worth another try', async () => {
    server.behave = () => ({ status: 429, body: { error: { message: 'pay', code: 'insufficient_quota' } } });
    await expect(model().generate(HELLO)).rejects.toMatchObject({ code: 'PROVIDER_RATE_LIMIT', isRetryable: false });
  });

  it('of the connection name the host', async () => {
    const gone = model({ baseUrl: 'http://127.0.0.1:9/v1' });
    await expect(gone.generate(HELLO)).rejects.toMatchObject({ code: 'PROVIDER_UNREACHABLE', isRetryable: true });
    await expect(gone.generate(HELLO)).rejects.toThrow('Cannot reach 127.0.0.1:9');
  });

  it('in the middle of an answer are no answer', async () => {
    for (const behaviour of [{ breakAfter: 'half an' }, { hangAfter: 'half an' }]) {
      server.behave = () => behaviour;
      const code = 'breakAfter' in behaviour ? 'PROVIDER_REPLY' : 'PROVIDER_TIMEOUT';
      const impatient = model({ timeoutMs: 150 });
      await expect(impatient.generate(HELLO)).rejects.toMatchObject({ code, isRetryable: true });
      await expect(collect(impatient.chat(HELLO))).rejects.toMatchObject({ code, isRetryable: true });
      await Promise.all(server.received.map(({ closed }) => closed));
    }
  });

  it('of a server that is no such server are told', async () => {
    for (const raw of ['<html>a login page</html>', '{}', 'null', '{"choices": []}']) {
      server.behave = () => ({ raw });
      await expect(model().generate(HELLO)).rejects.toMatchObject({ code: 'PROVIDER_REPLY' });
    }
    server.behave = () => ({ text: '', finishReason: 'content_filter' });
    await expect(model().generate(HELLO)).rejects.toMatchObject({ code: 'PROVIDER_FILTERED' });
  });

  it('do not carry pictures to another host', async () => {
    await using other = await ChatServer.start(() => ({ text: 'mine now' }));
    server.behave = () => ({ status: 307, headers: { location: `${other.baseUrl}/chat/completions` } });
    const image = await readFile(PICTURE);
    const messages: Message[] = [{ role: 'user', content: [{ type: 'image', image }] }];
    await expect(model().generate(messages)).rejects.toMatchObject({ code: 'PROVIDER_URL' });
    expect(other.received).toHaveLength(0);
  });
});

describe('an abort', () => {
  it('ends the request, its pauses and its stream', async () => {
    server.behave = () => ({ hangAfter: 'one' });
    const reason = new Error('enough');
    for (const ask of [
      (signal: AbortSignal) => model().generate(HELLO, { signal }),
      (signal: AbortSignal) => collect(model().chat(HELLO, { signal })),
    ]) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 60);
      await expect(ask(controller.signal)).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
      await server.received.at(-1)!.closed;
    }
    server.behave = () => ({ status: 503, headers: { 'retry-after': '50' } });
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 60);
    const waiting = model({ maxRetries: 3 }).generate(HELLO, { signal: controller.signal });
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(model().generate(HELLO, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  it('happens when the reader leaves the loop', async () => {
    server.behave = () => ({ hangAfter: 'one' });
    for await (const part of model().chat(HELLO)) {
      expect(part).toMatchObject({ text: 'one' });
      break;
    }
    await server.received[0]!.closed;
  });
});

it('lists the models of the server', async () => {
  expect(await model().listModels()).toEqual(['eye']);
});

it('tells what the server says of the model, but not when', async () => {
  server.facts = {
    root: 'org/eye',
    max_model_len: 8192,
    permission: [{ id: 'p' }],
    meta: { n_params: 8e9, list: [1] },
  };
  const told = { owned_by: 'x', root: 'org/eye', max_model_len: 8192, 'meta.n_params': 8e9 };
  expect(await model().describe()).toEqual(told);
  expect(await model({ model: 'another' }).describe()).toEqual({});
  server.facts = {};
});
