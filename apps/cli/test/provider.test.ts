import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatServer } from '../../../packages/provider-openai/test/chat-server.js';
import { encryptionNote } from '../src/provider-options.js';
import { type Folder, picture, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

/** A data set of questions with two options each. */
async function writeShapes(folder: string): Promise<string> {
  const image = (await readFile(picture)).toString('base64');
  const rows = [0, 1, 2].map((at) => [
    at,
    image,
    `What shape is it, ${at}?`,
    'circle',
    'square',
    at === 1 ? 'B' : 'A',
    'x',
  ]);
  const header = ['index', 'image', 'question', 'A', 'B', 'answer', 'category'];
  const file = path.join(folder, 'RealWorldQA.tsv');
  await writeFile(file, [header, ...rows].map((row) => `${row.join('\t')}\n`).join(''));
  return file;
}

describe('an evaluation with servers', () => {
  let folder: Folder;
  let data = '';
  beforeAll(async () => {
    folder = await temporaryFolder();
    data = await writeShapes(folder.path);
  });
  afterAll(() => folder.remove());

  it('asks one, lets another judge, and keeps what the judge said', async () => {
    await using answering = await ChatServer.start(({ messages }) => ({
      text: JSON.stringify(messages).includes('it, 1?') ? 'The second' : 'round',
    }));
    await using judging = await ChatServer.start(({ messages }) => ({
      text: JSON.stringify(messages).includes('The second') ? 'no idea' : 'A',
    }));
    const out = path.join(folder.path, 'run');
    const elsewhere = ['--provider', 'openai', '--base-url', answering.baseUrl, '--model', 'eye'];
    const run = await pocketlens([
      'eval',
      'run',
      'RealWorldQA',
      '--data',
      data,
      '--out',
      out,
      ...elsewhere,
      '--concurrency',
      '2',
      '--json',
    ]);
    expect(run).toMatchObject({ code: 0 });
    expect(jsonLines(run.stdout)).toMatchObject([{ total: 3, answered: 3, failed: 0 }]);
    expect(run.stderr).toContain(`note: pictures and questions are sent to ${answering.host}\n`);
    expect(run.stderr).toContain('warning: the option beams is not part of the protocol');
    const [{ body }] = answering.received as [(typeof answering.received)[0]];
    // Pictures of a benchmark are sent byte for byte.
    const image = (await readFile(picture)).toString('base64');
    expect(body.messages[0]!.content).toContainEqual({
      type: 'image_url',
      image_url: { url: `data:image/jpeg;base64,${image}` },
    });

    const score = [
      'eval',
      'score',
      'RealWorldQA',
      '--data',
      data,
      '--predictions',
      path.join(out, 'RealWorldQA.jsonl'),
    ];
    expect((await pocketlens(score)).stdout).toContain('exact matching without a judge, 3 unmatched, counted as wrong');
    const judge = ['--judge', 'wise', '--judge-url', judging.baseUrl];
    const judged = await pocketlens([...score, ...judge]);
    expect(judged.stdout).toContain('judged by wise (3 samples), 1 unmatched');
    expect(judged.stderr).toBe(`note: questions and answers, without pictures, are sent to ${judging.host}\n`);
    const asked = judging.received.length;
    const again = await pocketlens([...score, ...judge, '--json']);
    expect(jsonLines(again.stdout)).toMatchObject([
      { matching: { by: 'judge', judge: 'wise', asked: 0, cached: asked }, headline: { value: (2 / 3) * 100 } },
    ]);
    expect(judging.received).toHaveLength(asked);
    expect((await pocketlens([...score, '--judge', 'wise'])).code).toBe(2);
  });

  it('draws samples by a seed', async () => {
    await using server = await ChatServer.start(() => ({ text: 'A' }));
    const elsewhere = ['--provider', 'openai', '--base-url', server.baseUrl, '--model', 'eye'];
    const out = path.join(folder.path, 'drawn');
    const selection = ['--limit', '2', '--sample', '5'];
    const run = await pocketlens([
      'eval',
      'run',
      'RealWorldQA',
      '--data',
      data,
      '--out',
      out,
      ...elsewhere,
      ...selection,
      '--beams',
      '1',
    ]);
    expect(run.stdout).toContain('2 of 2 answered');
    const predictions = path.join(out, 'RealWorldQA.jsonl');
    const score = await pocketlens([
      'eval',
      'score',
      'RealWorldQA',
      '--data',
      data,
      '--predictions',
      predictions,
      ...selection,
      '--json',
    ]);
    expect(jsonLines(score.stdout)).toMatchObject([{ total: 2, scored: 2 }]);
  });

  it('cannot score without a judge what only a judge can grade', async () => {
    const predictions = path.join(folder.path, 'none.jsonl');
    await writeFile(predictions, '');
    const scored = await pocketlens(['eval', 'score', 'MMVet', '--data', data, '--predictions', predictions]);
    expect(scored).toMatchObject({ code: 1, stderr: expect.stringContaining('Expected a judge model for MMVet') });
    const listed = await pocketlens(['eval', 'list']);
    expect(listed.stdout).toMatch(/^MMVet +judge +judge: grades every answer/m);
  });
});

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
