import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { modelDirectory } from '@pocketlens/model-tiny';
import { OpenAiModel } from '@pocketlens/provider-openai';
import {
  type AnsweringModel,
  type ChatOptions,
  type Message,
  openModel,
  type VisionLanguageModel,
} from '@pocketlens/runtime';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ChatServer } from '../../provider-openai/test/chat-server.js';
import {
  anyOf,
  cascade,
  type CascadePart,
  parseRule,
  type Rule,
  whenAlways,
  whenEmpty,
  whenPictures,
  whenPrompt,
  whenUnsure,
} from './index.js';

const RECEIPT = path.join(fileURLToPath(import.meta.url), '../../../../examples/receipt.png');
const TOTAL: Message[] = [
  {
    role: 'user',
    content: [
      { type: 'image', image: RECEIPT },
      { type: 'text', text: 'What is the total?' },
    ],
  },
];
const LIMIT: ChatOptions = { maxNewTokens: 12 };
const NEVER: Rule = { name: 'never' };

let tiny: VisionLanguageModel;
let local: AnsweringModel;
let server: ChatServer;
let remote: OpenAiModel;
beforeAll(async () => {
  tiny = await openModel(modelDirectory);
  local = {
    name: 'tiny',
    chat: tiny.chat.bind(tiny),
    generate: tiny.generate.bind(tiny),
    dispose: () => Promise.resolve(),
  };
  server = await ChatServer.start(() => ({ text: '' }));
  remote = new OpenAiModel({ baseUrl: server.baseUrl, model: 'far', maxRetries: 0, timeoutMs: 2000 });
});
afterAll(async () => {
  await tiny.dispose();
  await server[Symbol.asyncDispose]();
});

function answering(text: string): void {
  server.behave = () => ({ text });
}

async function collect(parts: AsyncIterable<CascadePart>): Promise<CascadePart[]> {
  const all: CascadePart[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

describe('without consent', () => {
  it('nothing is ever sent, whatever the rule, the question and the answer', async () => {
    answering('from afar');
    const consents = [undefined, false, () => false, async () => false, () => 'yes' as never, () => 1 as never];
    const rules = [whenAlways(), whenUnsure(0.999), whenEmpty(), whenPictures(0), whenPrompt(/.*/s), parseRule('cut')];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...consents),
        fc.uniqueArray(fc.constantFrom(...rules), { minLength: 1 }),
        fc.string({ minLength: 1, maxLength: 20 }).map((text) => `x${text}`),
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        async (consent, some, text, isStreamed, maxNewTokens) => {
          const model = cascade(local, remote, anyOf(...some), consent === undefined ? {} : { consent });
          const messages: Message[] = [{ role: 'user', content: text }];
          const finish = isStreamed
            ? (await collect(model.chat(messages, { maxNewTokens }))).at(-1)
            : await model.generate(messages, { maxNewTokens });
          expect(finish).toMatchObject({ answeredBy: { where: 'local', model: 'tiny' } });
          expect(server.received).toHaveLength(0);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('the local answer is streamed as ever, and the refusal is told', async () => {
    answering('from afar');
    const alone = await tiny.generate(TOTAL, LIMIT);
    const parts = await collect(cascade(local, remote, whenUnsure(0.999999)).chat(TOTAL, LIMIT));
    const deltas = parts.filter((part) => part.type === 'text-delta');
    expect(deltas.length).toBeGreaterThan(1);
    expect(
      deltas
        .map(({ text }) => text)
        .join('')
        .trim(),
    ).toBe(alone.text);
    // Asked for by the rule, not by the caller.
    expect(deltas.some((delta) => 'logprobs' in delta)).toBe(false);
    expect(parts.at(-1)).toMatchObject({
      answeredBy: { where: 'local', model: 'tiny' },
      escalation: { rule: 'unsure:0.999999', outcome: 'refused' },
      warnings: [{ code: 'ESCALATION_REFUSED' }],
    });
    expect(server.received).toHaveLength(0);
  });

  it('a question that nobody answers with yes sends nothing, and one that throws ends the answer', async () => {
    answering('from afar');
    const consent = vi.fn<() => Promise<boolean>>(() => Promise.reject(new Error('the window was closed')));
    await expect(cascade(local, remote, whenAlways(), { consent }).generate(TOTAL, LIMIT)).rejects.toThrow('closed');
    expect(server.received).toHaveLength(0);
  });
});

describe('with consent', () => {
  it('a rule about the question has the remote model answer in the first place, streamed', async () => {
    answering('from far away');
    const chat = vi.spyOn(local, 'chat');
    const parts = await collect(cascade(local, remote, whenPictures(0), { consent: true }).chat(TOTAL, LIMIT));
    expect(parts.slice(0, -1).map((part) => (part.type === 'finish' ? '' : part.text))).toEqual([
      'from',
      ' far',
      ' away',
    ]);
    expect(parts.at(-1)).toMatchObject({
      answeredBy: { where: 'remote', model: 'far' },
      escalation: { rule: 'pictures:0', outcome: 'answered', reason: 'the conversation holds 1 picture, more than 0' },
    });
    expect(chat).not.toHaveBeenCalled();
    expect(server.received).toHaveLength(1);
    chat.mockRestore();
  });

  it('a rule about the answer replaces it as a whole', async () => {
    answering('22.95');
    const consent = vi.fn<() => boolean>(() => true);
    const model = cascade(local, remote, whenUnsure(0.999999), { consent });
    const result = await model.generate(TOTAL, LIMIT);
    expect(result).toMatchObject({ text: '22.95', answeredBy: { where: 'remote', model: 'far' } });
    expect(consent).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ remote: 'far', rule: 'unsure:0.999999', messages: TOTAL }),
    );
    expect(result.timings.firstTokenMs).toBeGreaterThan(result.timings.prefillMs);
  });

  it('a rule that asks for nothing sends nothing and changes nothing', async () => {
    answering('from afar');
    const alone = await tiny.generate(TOTAL, LIMIT);
    for (const rule of [NEVER, whenUnsure(1e-9), whenEmpty(), whenPictures(1), whenPrompt(/weather/)]) {
      const result = await cascade(local, remote, rule, { consent: true }).generate(TOTAL, LIMIT);
      expect(result).toMatchObject({ tokenIds: alone.tokenIds, text: alone.text, answeredBy: { where: 'local' } });
      expect(result).not.toHaveProperty('escalation');
      expect(result).not.toHaveProperty('logprobs');
    }
    expect(server.received).toHaveLength(0);
  });

  it('log-probabilities that the caller wants stay', async () => {
    answering('from afar');
    const result = await cascade(local, remote, whenUnsure(1e-9), { consent: true }).generate(TOTAL, {
      ...LIMIT,
      logprobs: 1,
    });
    expect(result.logprobs).toHaveLength(result.tokenIds.length);
  });
});

describe('a remote model that fails', () => {
  const failures = [
    { status: 500, body: { error: { message: 'out of order' } } },
    { status: 401, body: { error: { message: 'no key' } } },
    { raw: '<html>' },
  ];

  it.each(failures)('is replaced by the local one, with the reason: %o', async (behaviour) => {
    const alone = await tiny.generate(TOTAL, LIMIT);
    for (const rule of [whenAlways(), whenUnsure(0.999999)]) {
      server.behave = () => behaviour;
      const parts = await collect(cascade(local, remote, rule, { consent: true }).chat(TOTAL, LIMIT));
      const text = parts.map((part) => (part.type === 'finish' ? '' : part.text)).join('');
      expect(text.trim()).toBe(alone.text);
      expect(parts.at(-1)).toMatchObject({
        answeredBy: { where: 'local' },
        escalation: { outcome: 'failed', error: { code: expect.stringMatching(/^PROVIDER_/) as unknown } },
        warnings: [
          { code: 'ESCALATION_FAILED', message: expect.stringContaining('the local model answered') as unknown },
        ],
      });
      expect(server.received).toHaveLength(1);
    }
  });

  it('in the middle of its answer ends a stream, but not an answer that is held or awaited', async () => {
    server.behave = () => ({ breakAfter: 'half an' });
    const model = cascade(local, remote, whenAlways(), { consent: true });
    await expect(collect(model.chat(TOTAL, LIMIT))).rejects.toMatchObject({ code: 'PROVIDER_REPLY' });
    const alone = await tiny.generate(TOTAL, LIMIT);
    expect(await model.generate(TOTAL, LIMIT)).toMatchObject({ text: alone.text, escalation: { outcome: 'failed' } });
    const held = cascade(local, remote, whenAlways(), { consent: true, holdRemote: true });
    expect((await collect(held.chat(TOTAL, LIMIT))).at(-1)).toMatchObject({ answeredBy: { where: 'local' } });
  });
});

describe('an abort', () => {
  it('ends the local answer, the question for consent, and the remote answer; none stands in for another', async () => {
    const reason = new Error('enough');
    const aborted = { code: 'ABORTED', cause: reason };
    const controller = (): AbortController => new AbortController();
    const early = AbortSignal.abort(reason);
    answering('from afar');
    await expect(cascade(local, remote, NEVER).generate(TOTAL, { signal: early })).rejects.toMatchObject(aborted);

    const asking = controller();
    const consent = (): boolean => (asking.abort(reason), true);
    const asked = cascade(local, remote, whenAlways(), { consent });
    await expect(asked.generate(TOTAL, { ...LIMIT, signal: asking.signal })).rejects.toMatchObject(aborted);
    expect(server.received).toHaveLength(0);

    server.behave = () => ({ hangAfter: 'one' });
    const reading = controller();
    const stream = cascade(local, remote, whenAlways(), { consent: true }).chat(TOTAL, { signal: reading.signal });
    expect((await stream.next()).value).toMatchObject({ text: 'one' });
    reading.abort(reason);
    await expect(stream.next()).rejects.toMatchObject(aborted);
    await server.received[0]!.closed;
  });

  it('is what leaving the loop does', async () => {
    server.behave = () => ({ hangAfter: 'one' });
    for await (const part of cascade(local, remote, whenAlways(), { consent: true }).chat(TOTAL)) {
      expect(part).toMatchObject({ text: 'one' });
      break;
    }
    await server.received[0]!.closed;
  });
});

describe('rules', () => {
  it('are read as they are named', () => {
    for (const name of ['unsure:0.5', 'empty', 'cut', 'pictures:3', 'always']) expect(parseRule(name).name).toBe(name);
    expect(parseRule('cut, unsure:0.5')).toMatchObject({ name: 'cut,unsure:0.5', needsLogprobs: true });
    for (const text of [
      '',
      'unsure',
      'unsure:0',
      'unsure:1',
      'unsure:x',
      'pictures:1.5',
      'sometimes',
      'cut:1',
      'cut,',
    ]) {
      expect(() => parseRule(text)).toThrowError(expect.objectContaining({ code: 'ARGUMENT_RANGE' }) as Error);
    }
  });

  it('take the geometric mean of the probabilities', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (probabilities, threshold) => {
          const mean = probabilities.reduce((product, one) => product * one ** (1 / probabilities.length), 1);
          fc.pre(Math.abs(mean - threshold) > 1e-9);
          const logprobs = probabilities.map((one) => ({ id: 1, text: 'x', logprob: Math.log(one), top: [] }));
          const reason = whenUnsure(threshold).after!({ logprobs } as never);
          expect(reason !== undefined).toBe(mean < threshold);
        },
      ),
    );
    expect(whenUnsure(0.5).after!({ text: 'no probabilities' } as never)).toBeUndefined();
  });
});
