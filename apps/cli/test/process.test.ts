import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rename, truncate } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatServer } from '../../../packages/provider-openai/test/chat-server.js';
import {
  type Folder,
  golden,
  picture,
  root,
  temporaryFolder,
  withoutProgress,
  writeBadPictures,
  writeCheckpoint,
} from './fixtures.js';
import { jsonLines } from './memory-io.js';

// The command as people run it: compiled, in a process of its own.
const main = path.join(root, 'apps', 'cli', 'bin', 'pocketlens.mjs');
let folder: Folder;
let model = '';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: 'pipe', env: { ...process.env, NODE_OPTIONS: '', ...env } });
}

async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

const pocketlens = (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> => ended(start(args, env));

beforeAll(async () => {
  const compiler = path.join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [compiler, '-b', path.join(root, 'apps', 'cli')]);
  folder = await temporaryFolder();
  const checkpoint = path.join(folder.path, 'checkpoint');
  model = path.join(folder.path, 'model');
  await writeCheckpoint(checkpoint);
  const { code, stderr } = await pocketlens(['convert', checkpoint, model, '--dtype', 'fp32,fp16']);
  expect({ code, stderr: withoutProgress(stderr) }).toEqual({ code: 0, stderr: '' });
});
afterAll(() => folder.remove());

describe('a converted model', () => {
  it('can be inspected', async () => {
    const { code, stdout } = await pocketlens(['inspect', model, '--verify', '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ verified: true, model: expect.objectContaining({ layers: 2, vocabSize: 512 }) }),
    ]);
    expect((await pocketlens(['inspect', model])).stdout).toContain('onnx/decoder_model_merged_fp16.onnx');
  });

  it('answers, and the JSON holds the streamed answer and the counts', async () => {
    const args = ['ask', picture, '-p', 'What is it?', '--model', model, '--max-new-tokens', '12'];
    const streamed = await pocketlens(args);
    expect(streamed).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') });
    const { code, stdout } = await pocketlens([...args, '--json']);
    expect(code).toBe(0);
    const [answer, ...more] = jsonLines(stdout) as Record<string, unknown>[];
    expect(more).toEqual([]);
    expect(streamed.stdout.trim()).toBe(answer?.['answer']);
    expect(answer).toMatchObject({
      model: expect.any(String),
      finishReason: expect.stringMatching(/^(stop|length)$/),
      usage: {
        promptTokens: expect.any(Number),
        imageTokens: expect.any(Number),
        completionTokens: expect.any(Number),
      },
    });
    const timings = ['loadMs', 'preprocessMs', 'encodeMs', 'prefillMs', 'decodeMs', 'firstTokenMs', 'tokensPerSecond'];
    expect(Object.keys(answer?.['timings'] as object).toSorted()).toEqual(timings.toSorted());
  });

  it('samples the same answer from the same seed', async () => {
    const args = [
      'ask',
      picture,
      '-p',
      'Go on.',
      '--model',
      model,
      '--max-new-tokens',
      '8',
      '--sampling',
      '--dtype',
      'fp16',
    ];
    const [first, second, other] = [
      await pocketlens([...args, '--seed', '7']),
      await pocketlens([...args, '--seed', '7']),
      await pocketlens([...args, '--seed', '8']),
    ];
    expect(first).toMatchObject({ code: 0 });
    expect(second.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
  });
});

describe('a damaged model', () => {
  it.each([
    ['an absent directory', async (copy: string) => copy, /absent/],
    [
      'a missing file',
      (copy: string) => rename(path.join(copy, 'onnx', 'decoder_model_merged.onnx'), path.join(copy, 'gone')),
      /decoder_model_merged\.onnx/,
    ],
    [
      'a cut file',
      (copy: string) => truncate(path.join(copy, 'embed_tokens.safetensors'), 100),
      /embed_tokens\.safetensors/,
    ],
  ] as const)('with %s gets one clear line', async (what, damage, name) => {
    const copy = path.join(folder.path, what.replaceAll(' ', '-'));
    if (what !== 'an absent directory') {
      await pocketlens(['convert', path.join(folder.path, 'checkpoint'), copy]);
      await damage(copy);
    }
    const { code, stdout, stderr } = await pocketlens(['ask', picture, '-p', 'What is it?', '--model', copy]);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: .+\n(?: {7}.+\n)?$/);
    expect(stderr).toMatch(name);
  });
});

describe('a bad picture', () => {
  it('is told in one line, with no stack, quickly', async () => {
    for (const [what, file] of await writeBadPictures(folder.path)) {
      const { code, stdout, stderr } = await pocketlens(['ask', file, '-p', 'What is it?', '--model', model]);
      expect(code, what).toBe(1);
      expect(stdout, what).toBe('');
      expect(stderr, what).toMatch(/^error: .+\n(?: {7}.+\n)?$/);
    }
  });

  it('shows its stack only to those who ask for it', async () => {
    const { stderr } = await pocketlens(['slice', 'absent.png'], { POCKETLENS_DEBUG: '1' });
    expect(stderr).toMatch(/^ {4}at /m);
  });
});

describe('an interrupt', () => {
  it('during an answer ends the process at once with 130', async () => {
    const child = start(['ask', picture, '-p', 'Talk.', '--model', model, '--max-new-tokens', '8000']);
    const result = ended(child);
    await once(child.stdout!, 'data');
    const interruptedAt = performance.now();
    child.kill('SIGINT');
    const { code, stderr } = await result;
    expect(code).toBe(130);
    expect(stderr).toBe('');
    expect(performance.now() - interruptedAt).toBeLessThan(3000);
  });

  it('while waiting for input ends the process with 130', async () => {
    const child = start(['tokenize', '--jsonl']);
    const result = ended(child);
    child.stdin!.write('{"text":"first"}\n'.repeat(5000));
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    expect(await result).toMatchObject({ code: 130, stderr: '' });
  });

  it('during a conversion leaves nothing behind', async () => {
    const target = path.join(folder.path, 'interrupted');
    const child = start(['convert', path.join(folder.path, 'checkpoint'), target, '--dtype', 'fp32,fp16']);
    const result = ended(child);
    await once(child, 'spawn');
    setTimeout(() => child.kill('SIGINT'), 250);
    const { code } = await result;
    const after = await pocketlens(['inspect', target]);
    expect([code, after.code], 'either stopped and absent, or done and complete').toEqual(
      code === 0 ? [0, 0] : [code, 1],
    );
  });
});

describe('a reader that goes away', () => {
  it('ends the process quietly', async () => {
    const child = start(['tokenize', '--jsonl']);
    const result = ended(child);
    child.stdin!.on('error', () => {});
    child.stdin!.write('{"text":"first"}\n'.repeat(5000));
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    child.stdin!.end('{"text":"more"}\n'.repeat(200_000));
    expect(await result).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('eval', () => {
  it('check agrees with the golden cases and exits with 0', async () => {
    const file = path.join(golden, 'evaluation', 'ocrbench.jsonl');
    const { code, stdout } = await pocketlens(['eval', 'check', file, '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([{ file, total: expect.any(Number), failed: 0, failures: [] }]);
  });

  it('loses and repeats nothing when it is killed at any moment', async () => {
    const asked: string[] = [];
    await using server = await ChatServer.start(({ messages }) => {
      const content = JSON.stringify(messages);
      const key = createHash('sha256').update(content).digest('hex');
      asked.push(key);
      return { text: key, delayMs: Math.random() * 8 };
    });
    const out = path.join(folder.path, 'killed');
    const predictions = path.join(out, 'Reading.jsonl');
    const data = path.join(golden, 'reading');
    const elsewhere = ['--provider', 'openai', '--base-url', server.baseUrl, '--model', 'eye', '--concurrency', '3'];
    const args = ['eval', 'run', 'Reading', '--data', data, '--out', out, ...elsewhere];
    const answers = async (): Promise<string[]> => {
      const lines = (await readFile(predictions, 'utf8').catch(() => '')).split('\n').slice(0, -1);
      return lines.map((line) => (JSON.parse(line) as { prediction: string }).prediction);
    };
    let killed = 0;
    for (const kept of [6, 20, 37]) {
      const child = start(args);
      const result = ended(child);
      while (child.exitCode === null && (await answers()).length < kept) await delay(2);
      killed += child.kill('SIGKILL') ? 1 : 0;
      await result;
    }
    expect(killed).toBe(3);
    const before = await answers();
    const { code, stdout } = await pocketlens([...args, '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([{ total: 54, answered: 54, failed: 0 }]);
    const all = await answers();
    expect(all.slice(0, before.length)).toEqual(before);
    expect(new Set(all).size).toBe(54);
    expect(all).toHaveLength(54);
    // Only what was at work when the process died was asked again, never what was on the disk.
    expect(asked.length - 54).toBeLessThanOrEqual(3 * killed);
  });

  it('lets one of two runs write a folder, and the next one in as soon as that is killed', async () => {
    await using server = await ChatServer.start(() => ({ text: 'x', delayMs: 20 }));
    const out = path.join(folder.path, 'contended');
    const data = path.join(golden, 'reading');
    const elsewhere = ['--provider', 'openai', '--base-url', server.baseUrl, '--model', 'eye'];
    const args = ['eval', 'run', 'Reading', '--data', data, '--out', out, ...elsewhere, '--json'];
    const children = [start(args), start(args)];
    const [first, second] = children.map((child, at) => ended(child).then((result) => ({ ...result, at })));
    const refused = await Promise.race([first!, second!]);
    const holder = children[1 - refused.at]!;
    expect(refused.code).toBe(1);
    expect(jsonLines(refused.stdout)).toMatchObject([
      {
        error: {
          code: 'RUN_LOCKED',
          message: expect.stringContaining(`process ${holder.pid} on`) as unknown,
          hint: expect.stringContaining('stop it') as unknown,
        },
      },
    ]);
    expect(refused.stderr).not.toContain('pictures and questions are sent');
    holder.kill('SIGKILL');
    await Promise.all([first, second]);
    const { code, stdout } = await pocketlens(args);
    expect({ code, run: jsonLines(stdout) }).toMatchObject({ code: 0, run: [{ answered: 54, failed: 0 }] });
    const lines = (await readFile(path.join(out, 'Reading.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(new Set(lines.map((line) => (JSON.parse(line) as { index: string }).index)).size).toBe(54);
    expect(lines).toHaveLength(54);
    expect(await readdir(out)).not.toContain('Reading.jsonl.lock');
  });

  it('runs, resumes and scores the reading sample', async () => {
    const out = path.join(folder.path, 'eval');
    const data = path.join(golden, 'reading');
    const args = ['eval', 'run', 'Reading', '--data', data, '--model', model, '--out', out, '--json', '--limit'];
    const first = await pocketlens([...args, '1']);
    expect(first).toMatchObject({ code: 0 });
    expect(jsonLines(first.stdout)).toEqual([
      expect.objectContaining({ answered: 1, resumed: 0, failed: 0, total: 1 }),
    ]);
    expect(jsonLines((await pocketlens([...args, '2'])).stdout)).toEqual([
      expect.objectContaining({ answered: 2, resumed: 1 }),
    ]);
    const predictions = path.join(out, 'Reading.jsonl');
    const scored = await pocketlens([
      'eval',
      'score',
      'Reading',
      '--data',
      data,
      '--predictions',
      predictions,
      '--limit',
      '2',
      '--json',
    ]);
    expect(jsonLines(scored.stdout)).toEqual([
      expect.objectContaining({ benchmark: 'Reading', scored: 2, isComplete: false }),
    ]);
  });
});
