import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatServer } from '../../../packages/provider-openai/test/chat-server.js';
import { encryptionNote } from '../src/provider-options.js';
import { picture } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

describe('a model behind a server', () => {
  let server: ChatServer;
  const elsewhere = (): string[] => ['--provider', 'openai', '--base-url', server.baseUrl, '--model', 'eye'];
  beforeAll(async () => {
    server = await ChatServer.start(() => ({ text: 'No parking' }));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('answers, and it is told where the pictures go', async () => {
    const { code, stdout, stderr } = await pocketlens(['ask', picture, '-p', 'Read it.', ...elsewhere()], {
      env: { POCKETLENS_API_KEY: 'secret' },
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'No parking\n' });
    expect(stderr).toBe(`note: pictures and questions are sent to ${server.host}\n`);
    const { body, headers } = server.received[0]!;
    expect(headers.authorization).toBe('Bearer secret');
    const content = body.messages[0]!.content;
    expect(content).toMatchObject([{ type: 'image_url' }, { type: 'text', text: 'Read it.' }]);
    // What the file holds besides its pixels, such as where it was taken, stays here.
    const sent = JSON.stringify(content);
    expect(sent).toContain('data:image/png;base64,');
    expect(sent).not.toContain((await readFile(picture)).toString('base64').slice(0, 200));
  });

  it('gives JSON with the counts that the server tells', async () => {
    const { code, stdout } = await pocketlens(['ask', picture, '-p', 'Read it.', ...elsewhere(), '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({
        model: 'eye',
        answer: 'No parking',
        finishReason: 'stop',
        usage: { promptTokens: 11, imageTokens: null, completionTokens: 2, reusedTokens: 4 },
      }),
    ]);
  });

  it('tells which options the server does not know', async () => {
    const { stderr } = await pocketlens(['ask', picture, '-p', 'Read it.', ...elsewhere(), '--beams', '3']);
    expect(stderr).toContain('warning: the option beams is not part of the protocol');
  });

  it('must be named with its address', async () => {
    const ask = ['ask', picture, '-p', 'x'];
    for (const args of [
      [...ask, '--provider', 'openai', '--model', 'eye'],
      [...ask, '--provider', 'openai', '--base-url', server.baseUrl],
      [...ask, '--base-url', server.baseUrl],
    ]) {
      expect((await pocketlens(args)).code).toBe(2);
    }
    const wrong = await pocketlens([...ask, '--provider', 'openai', '--base-url', 'eye:80', '--model', 'eye']);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('Expected an http: or https: address') });
  });

  it('is told to be read by others on the way where it is', () => {
    expect(encryptionNote('http://eye.example.com/v1')).toBe(', not encrypted');
    for (const url of [
      'https://eye.example.com/v1',
      'http://localhost:1/v1',
      'http://127.0.0.1/v1',
      'http://[::1]:8/v1',
    ])
      expect(encryptionNote(url)).toBe('');
  });
});
