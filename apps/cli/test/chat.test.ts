import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Folder, picture, root, temporaryFolder, writeCheckpoint } from './fixtures.js';
import { jsonLines, pocketlens, type Result } from './memory-io.js';

// Each test opens a model; those of Ctrl-C do so in processes of their own.
vi.setConfig({ testTimeout: 180_000 });

const main = path.join(root, 'apps', 'cli', 'bin', 'pocketlens.mjs');
let folder: Folder;
let model = '';

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Omit<Result, 'code'> & { readonly code: number | null }>;
  /** Waits until the output holds a text, and forgets it up to there. */
  readonly seen: (stream: 'stdout' | 'stderr', text: string | RegExp) => Promise<void>;
  /** Forgets what was written until now: the rest of an answer may be read after a message on the other stream. */
  readonly forget: (stream: 'stdout' | 'stderr') => Promise<void>;
}

function start(args: readonly string[]): Running {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: 'pipe',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const output = { stdout: '', stderr: '' };
  const from = { stdout: 0, stderr: 0 };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.on('data', (chunk) => ((output[name] += String(chunk)), child.emit('output')));
  child.stdin!.on('error', () => {});
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  const seen = async (name: 'stdout' | 'stderr', text: string | RegExp): Promise<void> => {
    for (;;) {
      const rest = output[name].slice(from[name]);
      const at = typeof text === 'string' ? rest.indexOf(text) : rest.search(text);
      if (at >= 0) {
        from[name] += at + (typeof text === 'string' ? text.length : 1);
        return;
      }
      await once(child, 'output');
    }
  };
  const forget = async (name: 'stdout' | 'stderr'): Promise<void> => {
    await setTimeout(100);
    from[name] = output[name].length;
  };
  return { child, ended, seen, forget };
}

beforeAll(async () => {
  const compiler = path.join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [compiler, '-b', path.join(root, 'apps', 'cli')]);
  folder = await temporaryFolder();
  const checkpoint = path.join(folder.path, 'checkpoint');
  model = path.join(folder.path, 'model');
  await writeCheckpoint(checkpoint);
  // Small slices: what they show is not what this is about.
  const preprocessor = { version: 2.5, scale_resolution: 84, max_slice_nums: 2 };
  await writeFile(path.join(checkpoint, 'preprocessor_config.json'), JSON.stringify(preprocessor));
  expect(await pocketlens(['convert', checkpoint, model])).toMatchObject({ code: 0 });
});
afterAll(() => folder.remove());

interface Line {
  readonly question: string;
  readonly answer: string;
  readonly usage: { readonly promptTokens: number; readonly imageTokens: number; readonly reusedTokens: number };
}

const chat = (input: string, ...options: string[]): Promise<Result> =>
  pocketlens(['chat', '--model', model, '--max-new-tokens', '12', ...options], { stdin: input });
const answers = async (input: string, ...options: string[]): Promise<Line[]> => {
  const { code, stdout, stderr } = await chat(input, '--json', ...options);
  expect({ code, stderr: stderr.replaceAll(/note: .*\n/g, '') }).toEqual({ code: 0, stderr: '' });
  return jsonLines(stdout) as Line[];
};

describe('chat', () => {
  it('answers one question a line, each after what was said before', async () => {
    const [first, second, ...more] = await answers('What is it?\n\nAnd why?\r\n', picture);
    expect(more).toEqual([]);
    expect([first!.question, second!.question]).toEqual(['What is it?', 'And why?']);
    expect(first!.usage.imageTokens).toBeGreaterThan(0);
    expect(second!.usage.imageTokens).toBe(first!.usage.imageTokens);
    expect(second!.usage.promptTokens).toBeGreaterThan(first!.usage.promptTokens);
    expect(second!.usage.reusedTokens).toBeGreaterThanOrEqual(first!.usage.promptTokens);
    const { code, stdout } = await chat('What is it?\nAnd why?', picture);
    expect(code).toBe(0);
    // Answers of the random model may hold anything, line ends too.
    expect(stdout.indexOf(first!.answer)).toBeGreaterThanOrEqual(0);
    expect(stdout.indexOf(second!.answer, first!.answer.length)).toBeGreaterThan(0);
  });

  it('gives the answer of `ask` to the first question', async () => {
    const question = ['ask', picture, '-p', 'What is it?', '--model', model, '--max-new-tokens', '12', '--json'];
    const settings = ['--logprobs', '2', '--no-speculation', '--min-new-tokens', '4', '--stop', 'never said'];
    const asked = await pocketlens(question.concat(settings));
    expect(asked.code).toBe(0);
    const [answer] = jsonLines(asked.stdout) as (Line & { logprobs: { top: unknown[] }[] })[];
    expect(answer!.logprobs.every(({ top }) => top.length === 2)).toBe(true);
    expect(answer!.usage).not.toHaveProperty('draftedTokens');
    const [first] = await answers('What is it?\n', picture, '--min-new-tokens', '4');
    expect(first!.answer).toBe(answer!.answer);
    expect(first!.usage).toHaveProperty('draftedTokens');
  });

  it('shows pictures when told to, and forgets everything when told to', async () => {
    const [plain, shown, cleared] = await answers(
      `Hello.\n/image ${picture}\nWhat is it?\n/clear\nHello.\n/exit\nMore?\n`,
    );
    expect(plain!.usage.imageTokens).toBe(0);
    expect(shown!.usage.imageTokens).toBeGreaterThan(0);
    expect(cleared!).toMatchObject({ answer: plain!.answer, usage: { promptTokens: plain!.usage.promptTokens } });
  });

  it('asks what begins with two slashes, and keeps the system text', async () => {
    const [first, second] = await answers('//etc\n/clear\n//etc\n', '--system', 'Be brief.');
    expect(first).toMatchObject({ question: '/etc' });
    expect(second).toMatchObject({ answer: first!.answer, usage: { promptTokens: first!.usage.promptTokens } });
  });

  it('saves the conversation as JSON and as text', async () => {
    const [json, text] = ['saved.json', 'saved.md'].map((name) => path.join(folder.path, name)) as [string, string];
    const { code, stderr } = await chat(`One?\nTwo?\n/save ${json}\n/save ${text}\n`, picture);
    expect(code).toBe(0);
    expect(stderr).toContain(`saved ${json}\n`);
    const saved = JSON.parse(await readFile(json, 'utf8')) as { turns: { question: string; answer: string }[] };
    expect(saved.turns).toMatchObject([
      { question: 'One?', images: [picture] },
      { question: 'Two?', images: [] },
    ]);
    const written = await readFile(text, 'utf8');
    expect(written).toContain(`Picture: ${picture}\n> One?\n\n${saved.turns[0]!.answer}`);
  });

  it('tells what went wrong in a line, goes on, and ends with 1', async () => {
    const input = '/image absent.png\n/imag x\n/save\n/help\nHello.\n';
    const { code, stdout, stderr } = await chat(input, '--json');
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toMatchObject([
      { error: { code: 'FILE_NOT_FOUND' } },
      { error: { code: 'UNKNOWN_COMMAND' } },
      { error: { code: 'USAGE' } },
      { question: 'Hello.' },
    ]);
    expect(stderr).toContain('absent.png: no such image');
    expect(stderr).toContain('/clear ');
    expect((await chat('Hello.\n', 'absent.png')).code).toBe(1);
  });
});

describe('Ctrl-C in a chat', () => {
  const endless = ['chat', '--model', '', '--max-new-tokens', '8000', '--min-new-tokens', '7000'];

  it('stops the answer, and a second one leaves', async () => {
    const { child, ended, seen, forget } = start(endless.map((word) => (word === '' ? model : word)));
    child.stdin!.write('Talk.\n');
    await seen('stdout', /./s);
    child.kill('SIGINT');
    await seen('stderr', '(stopped; Ctrl-C again leaves)');
    await forget('stdout');
    child.stdin!.write('Go on.\n');
    await seen('stdout', /[^\n]/);
    child.kill('SIGINT');
    await seen('stderr', '(stopped; Ctrl-C again leaves)');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, stderr: expect.not.stringContaining('error') });
  });

  it('twice while waiting for a question leaves', async () => {
    const { child, ended, seen } = start(['chat', '--model', model, '--json']);
    child.stdin!.write('Hello.\n');
    await seen('stdout', '"question":"Hello."');
    child.kill('SIGINT');
    await seen('stderr', '(Ctrl-C again leaves)');
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });
});

describe('wrong usage', () => {
  it('of --logprobs without --json ends with 2', async () => {
    const { code, stderr } = await pocketlens(['ask', picture, '-p', 'x', '--logprobs', '3', '--model', model]);
    expect(code).toBe(2);
    expect(stderr).toContain('Add --json.');
  });
});
