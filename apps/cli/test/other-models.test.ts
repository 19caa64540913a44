import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatServer } from '../../../packages/provider-openai/test/chat-server.js';
import { golden, picture } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

const CHECKPOINT = path.join(golden, 'transformers', 'model');
const ASK = ['ask', picture, '-p', 'What is the total?', '--max-new-tokens', '8'];

describe('a model of transformers.js', () => {
  const other = ['--provider', 'transformers', '--model', CHECKPOINT];

  it('answers a question, and JSON has its counts', async () => {
    const { code, stdout, stderr } = await pocketlens([...ASK, ...other, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(jsonLines(stdout)).toMatchObject([{ model: 'model', usage: { imageTokens: 3, completionTokens: 8 } }]);
  });

  it('talks, with its earlier turns', async () => {
    const talk = ['chat', picture, '--max-new-tokens', '4', '--json', ...other];
    const { code, stdout } = await pocketlens(talk, { stdin: 'What is it?\nAnd now?\n' });
    expect(code).toBe(0);
    const [first, second] = jsonLines(stdout) as { usage: { promptTokens: number; imageTokens: number } }[];
    expect(second!.usage.imageTokens).toBe(3);
    expect(second!.usage.promptTokens).toBeGreaterThan(first!.usage.promptTokens + 4);
  });

  it('must be named, and takes its own options only', async () => {
    expect(await pocketlens([...ASK, '--provider', 'transformers'])).toMatchObject({ code: 2 });
    expect(await pocketlens([...ASK, ...other, '--memory', 'low'])).toMatchObject({ code: 2 });
    expect(await pocketlens([...ASK, ...other, '--dtype', 'q4'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not as q4') as unknown,
    });
  });
});

describe('a remote model behind the local one', () => {
  let server: ChatServer;
  beforeAll(async () => {
    server = await ChatServer.start(() => ({ text: 'from afar' }));
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const remote = (rule: string): string[] => [
    '--remote',
    'openai:far',
    '--base-url',
    server.baseUrl,
    '--escalate',
    rule,
  ];
  const answering = (): void => {
    server.behave = () => ({ text: 'from afar' });
  };

  it('is never asked without --allow-remote, whatever the rule', async () => {
    answering();
    const alone = await pocketlens(ASK);
    for (const rule of ['always', 'unsure:0.999999,cut,empty']) {
      const { code, stdout, stderr } = await pocketlens([...ASK, ...remote(rule)]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: alone.stdout });
      expect(stderr).toContain('without consent nothing was sent');
      expect(stderr).toContain('note: answered by');
    }
    expect(server.received).toHaveLength(0);
  });

  it('answers by the rule and with consent, and both are told', async () => {
    answering();
    const { code, stdout, stderr } = await pocketlens([...ASK, ...remote('pictures:0'), '--allow-remote']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'from afar\n' });
    expect(stderr).toBe(
      `note: pictures and questions are sent to ${server.host}, where the rule pictures:0 says so\n` +
        'note: answered by far (remote)\n',
    );
    const quiet = await pocketlens([...ASK, ...remote('pictures:1'), '--allow-remote', '--json']);
    expect(jsonLines(quiet.stdout)).toMatchObject([{ answeredBy: { where: 'local' } }]);
    expect(server.received).toHaveLength(1);
  });

  it('that fails leaves the local answer, and the reason', async () => {
    server.behave = () => ({ status: 401, body: { error: { message: 'no key' } } });
    const alone = jsonLines((await pocketlens([...ASK, '--json'])).stdout) as { answer: string }[];
    const { code, stdout, stderr } = await pocketlens([...ASK, ...remote('always'), '--allow-remote', '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([
      {
        answer: alone[0]!.answer,
        answeredBy: { where: 'local' },
        escalation: { rule: 'always', outcome: 'failed', error: { code: 'PROVIDER_AUTHENTICATION' } },
      },
    ]);
    expect(stderr).toContain('it failed, so the local model answered');
  });

  it('answers turns of a conversation', async () => {
    answering();
    const talk = ['chat', ...remote('always'), '--allow-remote', '--json'];
    const { stdout } = await pocketlens(talk, { stdin: 'One?\nTwo?\n' });
    expect(jsonLines(stdout)).toMatchObject([{ answeredBy: { model: 'far' } }, { answeredBy: { model: 'far' } }]);
    expect(server.received[1]!.body.messages).toHaveLength(3);
  });

  it('needs a rule, an address and a model here', async () => {
    const [, , , url] = remote('always');
    for (const wrong of [
      ['--remote', 'openai:far', '--base-url', url!],
      ['--remote', 'openai:far', '--escalate', 'always'],
      ['--remote', 'far', '--base-url', url!, '--escalate', 'always'],
      [...remote('sometimes')],
      ['--escalate', 'always'],
      ['--allow-remote'],
      [...remote('always'), '--provider', 'openai', '--model', 'eye'],
    ]) {
      expect((await pocketlens([...ASK, ...wrong])).code, wrong.join(' ')).toBe(2);
    }
  });
});

describe('another device than the processor', () => {
  // No machine has both.
  const absent = process.platform === 'darwin' ? 'dml' : 'coreml';

  it('is a demand alone, and a wish before the processor', async () => {
    const alone = await pocketlens([...ASK, '--device', absent]);
    expect(alone).toMatchObject({ code: 1, stdout: '' });
    expect(alone.stderr).toContain(`${absent} was asked for and cannot be used`);
    const { code, stdout, stderr } = await pocketlens([...ASK, '--device', `${absent},cpu`]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: (await pocketlens(ASK)).stdout });
    expect(stderr).toContain(`warning: ${absent} cannot be used (onnxruntime-node for`);
  });
});
