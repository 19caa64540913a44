import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer, withoutRedis } from '../../../packages/evaluation-queue/test/redis-server.js';
import { ChatServer } from '../../../packages/provider-openai/test/chat-server.js';
import { type Folder, golden, root, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

// The command as people run it: compiled, every worker in a process of its own.
const main = path.join(root, 'apps', 'cli', 'bin', 'pocketlens.mjs');
const data = path.join(golden, 'reading');
let folder: Folder;

beforeAll(async () => {
  const compiler = path.join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [compiler, '-b', path.join(root, 'apps', 'cli')]);
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

interface Started {
  readonly child: ChildProcess;
  readonly text: { stdout: string; stderr: string };
  readonly code: Promise<number | null>;
}

function start(...args: string[]): Started {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'pipe', env: { ...process.env, NODE_OPTIONS: '' } });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (text.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (text.stderr += String(chunk)));
  return { child, text, code: once(child, 'close').then(([code]) => code as number | null) };
}

describe('a queue that is not there', () => {
  it.each([
    ['worker', []],
    ['eval', ['run', 'pocketread', '--out', 'absent', '--limit', '1']],
  ])('is told in one line: %s', async (command, args) => {
    const out = args.map((arg) => (arg === 'absent' ? path.join(folder.path, arg) : arg));
    const { code, stderr } = await pocketlens([command, ...out, '--queue', 'redis://:secret@127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: Cannot reach Redis at 127.0.0.1:1: nothing listens there.\n' +
        '       Start redis-server or valkey-server there, or name the address at which it runs.\n',
    );
  });
});

describe.skipIf(withoutRedis !== undefined)(
  `eval run --queue${withoutRedis ? ` (skipped: ${withoutRedis})` : ''}`,
  () => {
    it('survives workers that are killed, cut off or late, and a Redis that is killed and comes back', async () => {
      let asked = 0;
      await using model = await ChatServer.start(({ messages }) => {
        asked += 1;
        return { text: createHash('sha256').update(JSON.stringify(messages)).digest('hex'), delayMs: 40 };
      });
      await using redis = await RedisServer.start();
      const eye = ['--provider', 'openai', '--model', 'eye'];
      const out = path.join(folder.path, 'shared');
      const predictions = path.join(out, 'Reading.jsonl');
      const answered = async (): Promise<number> =>
        (await readFile(predictions, 'utf8').catch(() => '')).split('\n').length - 1;
      const until = async (count: number): Promise<void> => {
        while ((await answered()) < count) await delay(5);
      };
      const worker = (): Started =>
        start('worker', '--queue', redis.url, '--base-url', model.baseUrl, ...eye, '--lock', '2', '--idle', '60');
      const children: Started[] = [];
      try {
        const run = start(
          'eval',
          'run',
          'Reading',
          '--data',
          data,
          '--out',
          out,
          ...eye,
          '--queue',
          redis.url,
          '--json',
        );
        const [first, second] = [worker(), worker(), worker()];
        children.push(run, first!, second!);
        await until(8);
        first!.child.kill('SIGKILL');
        await until(16);
        await redis.kill();
        await delay(300);
        await redis.begin();
        await until(30);
        // As a machine that loses its network: it still holds samples when it comes back.
        second!.child.kill('SIGSTOP');
        children.push(worker());
        expect(await run.code).toBe(0);
        second!.child.kill('SIGCONT');
        expect(jsonLines(run.text.stdout)).toMatchObject([{ total: 54, answered: 54, resumed: 0, failed: 0 }]);
        expect(run.text.stderr).toContain(`warning: lost Redis at 127.0.0.1:${redis.port}, waiting for it\n`);
        expect(run.text.stderr).toContain(`note: Redis at 127.0.0.1:${redis.port} is back\n`);
      } finally {
        for (const { child } of children) child.kill('SIGKILL');
      }
      const lines = (await readFile(predictions, 'utf8')).trimEnd().split('\n');
      expect(new Set(lines.map((line) => (JSON.parse(line) as { index: string }).index)).size).toBe(54);
      expect(lines).toHaveLength(54);
      // What died, or was thought dead, had one sample in work, and its locks ran out while Redis was away.
      expect(asked - 54).toBeLessThanOrEqual(8);

      const alone = path.join(folder.path, 'alone');
      await pocketlens(['eval', 'run', 'Reading', '--data', data, '--out', alone, ...eye, '--base-url', model.baseUrl]);
      const score = async (run: string): Promise<unknown> => {
        const file = path.join(run, 'Reading.jsonl');
        return jsonLines(
          (await pocketlens(['eval', 'score', 'Reading', '--data', data, '--predictions', file, '--json'])).stdout,
        );
      };
      expect(await score(out)).toEqual(await score(alone));
    }, 180_000);
  },
);
