import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { contents } from '../test/contents.js';
import { uniformNumbers, writeRandomCheckpoint } from '../test/random-checkpoint.js';
import { convert, type ConvertOptions, type ConvertProgress } from './convert.js';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'pocketlens-resume-'));
const source = join(root, 'checkpoint');
let scratch: string;
let child: string;
let whole: Record<string, string>;
let room: string;
let target: string;
let count = 0;

const options = { source, dtypes: ['fp32', 'fp16'] } as const;

beforeAll(async () => {
  // Large enough for several checkpoints inside a file.
  writeRandomCheckpoint(source, { config: { vocab_size: 4000, intermediate_size: 3000, num_hidden_layers: 4 } });
  await convert({ ...options, target: join(root, 'whole') });
  whole = contents(join(root, 'whole'));
  mkdirSync(join(packageRoot, 'node_modules'), { recursive: true });
  scratch = mkdtempSync(join(packageRoot, 'node_modules', '.resume-test-'));
  child = join(scratch, 'convert-child.mjs');
  const bundler = fileURLToPath(new URL('../../../node_modules/rolldown/bin/cli.mjs', import.meta.url));
  const entry = join(packageRoot, 'test', 'convert-child.ts');
  const external = ['--external', '@huggingface/gguf', '--external', '@huggingface/hub'];
  await promisify(execFile)(process.execPath, [bundler, entry, '--file', child, '--platform', 'node', ...external]);
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
});

beforeEach(() => {
  room = join(root, String(count++));
  target = join(room, 'model');
});

/** Runs a conversion in a process of its own and kills it after so many pieces; says whether it was done before. */
async function runAndKill(pieces: number, more: Partial<ConvertOptions> = {}): Promise<boolean> {
  const run = spawn(process.execPath, [child, JSON.stringify({ ...options, target, ...more })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = 0;
  run.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString().split('\n').length - 1;
    if (seen >= pieces) run.kill('SIGKILL');
  });
  const [code] = (await once(run, 'close')) as [number | null];
  return code === 0;
}

/** Finishes a conversion here: the first progress that it tells. */
async function finish(more: Partial<ConvertOptions> = {}): Promise<ConvertProgress> {
  const events: ConvertProgress[] = [];
  await convert({ ...options, target, ...more, onProgress: (event) => void events.push(event) });
  expect(events.at(-1)!.bytesDone).toBe(events.at(-1)!.bytesTotal);
  return events.at(-1)!;
}

const journalFile = (): string => join(room, '.model.partial', 'journal.jsonl');

describe('a conversion killed with SIGKILL', () => {
  test('at random moments, again and again: the same bytes in the end', async () => {
    const random = uniformNumbers(Number(process.env['SEED'] ?? 1));
    for (let attempt = 0; attempt < 12; attempt++) {
      if (await runAndKill(1 + Math.floor(random() * 60))) break;
      expect(existsSync(target)).toBe(false);
    }
    if (!existsSync(target)) await finish();
    expect(contents(target)).toEqual(whole);
    expect(readdirSync(room)).toEqual(['model']);
  });

  test('goes on with the file that was being written, not from its beginning', async () => {
    expect(await runAndKill(60, { threads: 2 })).toBe(false);
    const entries = readFileSync(journalFile(), 'utf8')
      .split('\n')
      .filter((line) => line.includes('isFinished'))
      .map((line) => JSON.parse(line) as { isFinished: boolean; size: number });
    expect(entries.some(({ isFinished }) => isFinished)).toBe(true);
    expect(entries.some(({ isFinished }) => !isFinished)).toBe(true);
    // The number of threads changes nothing that is written.
    const { bytesResumed, bytesTotal } = await finish({ threads: 1 });
    expect(bytesResumed).toBeGreaterThan(bytesTotal / 20);
    expect(contents(target)).toEqual(whole);
  });

  test('a lock whose process is gone counts for nothing, that of a running one holds', async () => {
    expect(await runAndKill(20)).toBe(false);
    expect(existsSync(join(room, '.model.partial.lock'))).toBe(true);
    const other = spawn(process.execPath, [child, JSON.stringify({ ...options, target })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(other.stdout, 'data');
    await expect(convert({ ...options, target })).rejects.toMatchObject({
      code: 'OUTPUT_LOCKED',
      message: expect.stringContaining(String(other.pid)),
    });
    other.stdout.resume();
    await once(other, 'close');
    expect(contents(target)).toEqual(whole);
  });
});

describe('unfinished work', () => {
  /** Aborts a conversion after so many pieces. */
  async function abortAfter(pieces: number, more: Partial<ConvertOptions> = {}): Promise<unknown> {
    const controller = new AbortController();
    let seen = 0;
    const onProgress = (): void => void (++seen === pieces && controller.abort('reason'));
    return await convert({ ...options, target, ...more, onProgress, signal: controller.signal }).catch(
      (error: unknown) => error,
    );
  }

  test('of an abort is kept, and told', async () => {
    expect(await abortAfter(60)).toMatchObject({
      code: 'ABORTED',
      cause: 'reason',
      hint: expect.any(String),
      details: { unfinished: join(room, '.model.partial') },
    });
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(room)).toEqual(['.model.partial']);
    expect((await finish()).bytesResumed).toBeGreaterThan(0);
    expect(contents(target)).toEqual(whole);
    expect(readdirSync(room)).toEqual(['model']);
  });

  test('is not kept when there is nothing in it, or when it is not wanted', async () => {
    expect(await abortAfter(1)).toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(room)).toEqual([]);
    expect(await abortAfter(60, { unfinished: 'discard' })).toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(room)).toEqual([]);
    await abortAfter(60);
    expect((await finish({ unfinished: 'discard' })).bytesResumed).toBe(0);
  });

  test('with other settings starts anew', async () => {
    await abortAfter(60);
    expect((await finish({ dtypes: ['fp16'] })).bytesResumed).toBe(0);
    const alone = join(root, 'alone');
    await convert({ ...options, dtypes: ['fp16'], target: alone });
    expect(contents(target)).toEqual(contents(alone));
  });

  test('of a source that has changed starts anew', async () => {
    await abortAfter(60);
    const shard = join(source, 'model-00001-of-00002.safetensors');
    const now = new Date();
    utimesSync(shard, now, now);
    expect((await finish()).bytesResumed).toBe(0);
    expect(contents(target)).toEqual(whole);
  });

  test.each([
    ['a file that was altered', (file: string) => writeFileSync(file, Buffer.from([1, 2, 3]), { flag: 'r+' })],
    ['a file that was cut', (file: string) => truncateSync(file, 1000)],
    ['a file that is gone', (file: string) => rmSync(file)],
    ['a file with bytes that no line speaks of', (file: string) => appendFileSync(file, 'more')],
    ['a line of the journal that a crash has cut', () => appendFileSync(journalFile(), '{"path":"onnx/dec')],
    ['a journal with nonsense in it', () => appendFileSync(journalFile(), '\n[]\nx\n{"path":1}\n\0\0\0')],
    ['a journal that is empty', () => truncateSync(journalFile(), 0)],
  ])('with %s still gives the same bytes', async (_, damage) => {
    await abortAfter(60);
    damage(join(room, '.model.partial', 'model', 'onnx', 'vision_encoder.onnx_data'));
    await finish();
    expect(contents(target)).toEqual(whole);
  });
});
