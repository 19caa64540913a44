import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type AnsweringModel,
  collectAnswers,
  loadBenchmark,
  type LoadedBenchmark,
  readPredictions,
  runBenchmark,
  type RunSummary,
  scoreBenchmark,
} from '@pocketlens/evaluation';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { RedisServer, withoutRedis } from '../test/redis-server.js';
import { openQueueAnswerer, type QueueAnswererOptions, type QueueEvent } from './queue-answerer.js';
import { queueNameOf } from './work-queue.js';
import { runWorker, type WorkerEvent, type WorkerOptions } from './worker.js';

const READING = join(import.meta.dirname, '../../../tools/golden/reading');
const MODEL = { name: 'rule', sha256: null };

const answerOf = (text: string): string => `${text.length} é`;
/** Answers by rule from picture and question, after a moment. */
const model = (asked: string[] = [], pauseMs = 2): AnsweringModel => ({
  async generate([message]) {
    const { content } = message!;
    const parts = typeof content === 'string' ? [] : content;
    const key = parts
      .map((part) => (part.type === 'text' ? part.text : Buffer.from(part.image as Uint8Array).toString('base64')))
      .join(' ');
    asked.push(key);
    await delay(pauseMs);
    return { text: answerOf(key) };
  },
});

describe('an address', () => {
  it.each([
    ['hello', 'QUEUE_URL'],
    ['http://127.0.0.1:6379', 'QUEUE_URL'],
    ['redis://:secret@127.0.0.1:1', 'QUEUE_UNREACHABLE'],
  ])('%s is refused in one sentence, and no password repeated', async (url, code) => {
    const error: unknown = await runWorker({ url, model: model(), identity: MODEL }).catch((one) => one);
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^[^\n]+\.$/) as unknown });
    expect(String(error)).not.toContain('secret');
  });
});

describe.skipIf(withoutRedis !== undefined)(
  `a run through a queue${withoutRedis ? ` (skipped: ${withoutRedis})` : ''}`,
  () => {
    let folder: string;
    let reading: LoadedBenchmark;
    let server: RedisServer;
    let output: string;
    let runs = 0;
    const ending: AbortController[] = [];
    const ended: Promise<unknown>[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pocketlens-queue-'));
      reading = await loadBenchmark('Reading', READING);
    });
    afterAll(() => rm(folder, { recursive: true }));
    beforeEach(async () => {
      server = await RedisServer.start();
      output = join(folder, `${(runs += 1)}`, 'Reading.jsonl');
    });
    afterEach(async () => {
      for (const one of ending.splice(0)) one.abort();
      await Promise.all(ended.splice(0));
      await server[Symbol.asyncDispose]();
    });

    function worker(options: Partial<WorkerOptions> = {}): {
      stop: () => void;
      events: WorkerEvent[];
      end: Promise<unknown>;
    } {
      const controller = new AbortController();
      const events: WorkerEvent[] = [];
      const settings = {
        url: server.url,
        model: model(),
        identity: MODEL,
        lockMs: 1000,
        onEvent: (event: WorkerEvent) => events.push(event),
      };
      const end = runWorker({ ...settings, ...options, signal: controller.signal }).catch((error: unknown) => error);
      ending.push(controller);
      ended.push(end);
      return { stop: () => controller.abort(), events, end };
    }

    async function run(
      options: Partial<QueueAnswererOptions> & { limit?: number; onStored?: () => void } = {},
    ): Promise<RunSummary> {
      const { limit, onStored, ...rest } = options;
      const answerer = await openQueueAnswerer({ url: server.url, run: 'test', model: MODEL, checkMs: 200, ...rest });
      const { signal } = rest;
      try {
        return await collectAnswers({
          benchmark: reading,
          answerer,
          output,
          ...(signal && { signal }),
          ...(limit !== undefined && { limit }),
          ...(onStored && { onProgress: onStored }),
        });
      } finally {
        await answerer.close();
      }
    }

    async function expectWhole(): Promise<void> {
      const indices: string[] = [];
      for await (const { index } of readPredictions(output)) indices.push(index);
      expect(new Set(indices).size).toBe(54);
      expect(indices).toHaveLength(54);
      const alone = join(folder, 'alone.jsonl');
      await runBenchmark({ benchmark: reading, model: model([], 0), output: alone });
      const [shared, single] = await Promise.all(
        [output, alone].map((predictions) => scoreBenchmark({ benchmark: reading, predictions })),
      );
      expect(shared).toEqual(single);
    }

    const keys = async (): Promise<string[]> => {
      const redis = new Redis(server.port);
      const found = await redis.keys('pocketlens:run:*');
      redis.disconnect();
      return found;
    };

    it('has each question answered once, as one process would, and leaves nothing behind', async () => {
      const asked: string[] = [];
      for (let at = 0; at < 3; at += 1) worker({ model: model(asked), concurrency: 1 + at });
      expect(await run()).toMatchObject({ total: 54, answered: 54, failed: 0 });
      expect(asked).toHaveLength(54);
      await expectWhole();
      expect(await keys()).toEqual([]);
    });

    it('records what fails, and stops when everything does', async () => {
      const failing = { generate: () => Promise.reject(new Error('no')) };
      worker({ model: failing, mostFailuresInARow: 100 });
      expect(await run({ limit: 7, retries: { maxRetries: 0 } })).toMatchObject({ total: 7, answered: 0, failed: 7 });
      await expect(run()).rejects.toMatchObject({ code: 'RUN_STOPPED' });
      expect(await keys()).not.toContain('pocketlens:run:test:questions');
    });

    it('loses a worker whose model has gone, and waits for a better one', async () => {
      const { end } = worker({ model: { generate: () => Promise.reject(new Error('no')) }, mostFailuresInARow: 3 });
      const running = run();
      expect(await end).toMatchObject({
        code: 'WORKER_STOPPED',
        message: expect.stringContaining('3 failures') as unknown,
      });
      worker();
      expect(await running).toMatchObject({ answered: 51, failed: 3 });
    });

    it('asks only workers that have its model, and those hear of it', async () => {
      const stranger: string[] = [];
      const events: QueueEvent[] = [];
      const running = run({ onEvent: (event) => events.push(event) });
      await vi.waitUntil(() => events.some(({ type }) => type === 'no-workers'), 20_000);
      const { events: heard } = worker({ model: model(stranger), identity: { name: 'other', sha256: 'f'.repeat(64) } });
      await vi.waitUntil(() => heard.some(({ type }) => type === 'ready'), 20_000);
      expect(heard).toContainEqual({ type: 'other-models', models: ['name rule'] });
      worker();
      expect(await running).toMatchObject({ answered: 54 });
      expect(stranger).toEqual([]);
    });

    it('gives what a worker had in work to others at once when that is stopped', async () => {
      let hanging = 0;
      const stuck: AnsweringModel = {
        generate: (_, { signal }) =>
          new Promise((_, reject) => {
            hanging += 1;
            signal!.addEventListener('abort', () => reject(signal!.reason as Error));
          }),
      };
      const first = worker({ model: stuck, concurrency: 2, lockMs: 600_000 });
      const running = run();
      await vi.waitUntil(() => hanging === 2, 20_000);
      first.stop();
      expect(await first.end).toMatchObject({ code: 'ABORTED' });
      worker();
      expect(await running).toMatchObject({ answered: 54, failed: 0 });
      await expectWhole();
    });

    it('can be stopped and goes on, with what workers have answered meanwhile', async () => {
      const asked: string[] = [];
      worker({ model: model(asked) });
      const stop = new AbortController();
      let stored = 0;
      const onStored = (): void => {
        if ((stored += 1) === 10) stop.abort();
      };
      await expect(run({ signal: stop.signal, onStored })).rejects.toMatchObject({ code: 'ABORTED' });
      await delay(100);
      expect(await run()).toMatchObject({ answered: 54, failed: 0 });
      await expectWhole();
      // What was at work when the run was stopped may have been asked twice.
      expect(asked.length).toBeLessThanOrEqual(54 + 4);
    });

    it('survives a server that forgets everything', async () => {
      worker();
      worker();
      const redis = new Redis(server.port);
      let stored = 0;
      const onStored = (): void => {
        stored += 1;
        if (stored === 8 || stored === 30) void redis.flushall();
      };
      expect(await run({ onStored })).toMatchObject({ answered: 54, failed: 0 });
      redis.disconnect();
      await expectWhole();
    });

    it('gives up on a sample that no worker survives, and on no other', async () => {
      const redis = new Redis(server.port, { maxRetriesPerRequest: null });
      const settings = {
        connection: redis,
        prefix: 'pocketlens',
        lockDuration: 300,
        stalledInterval: 100,
        maxStalledCount: 2,
      };
      // Takes work and vanishes with it.
      const victim = new Worker(queueNameOf(MODEL), null, { ...settings, autorun: false, drainDelay: 1 });
      await victim.startStalledCheckTimer();
      const running = run({ limit: 2, shardSize: 2, checkMs: 100 });
      const over = new AbortController();
      let deaths = 0;
      const dying = (async () => {
        while (!over.signal.aborted) {
          const token = `token-${deaths}`;
          const job = await victim.getNextJob(token);
          // What BullMQ does with a shard that was held by too many before.
          // Where the lock has run out meanwhile, on a busy machine, it comes again.
          if (job?.deferredFailure) await job.moveToFailed(new Error(job.deferredFailure), token).catch(() => {});
          else if (job) deaths += 1;
        }
      })();
      const summary = await running;
      over.abort();
      await dying;
      // Three with both samples, three with each.
      expect(deaths).toBe(9);
      expect(summary).toMatchObject({ total: 2, answered: 0, failed: 2 });
      const records = [];
      for await (const record of readPredictions(output)) records.push(record);
      expect(records).toMatchObject([{ error: { code: 'WORKER_LOST' } }, { error: { code: 'WORKER_LOST' } }]);
      await victim.close(true);
      redis.disconnect();
    });

    it('leaves a worker when it was idle for long enough', async () => {
      const { end } = worker({ idleMs: 300 });
      expect(await run({ limit: 5 })).toMatchObject({ answered: 5 });
      expect(await end).toEqual({ answered: 5, failed: 0 });
    });

    it('tells a password that is missing from a server that is', async () => {
      const closed = await RedisServer.start('--requirepass', 'secret');
      const refused = await run({ url: closed.url }).catch((error: unknown) => error);
      expect(refused).toMatchObject({
        code: 'QUEUE_REFUSED',
        message: expect.stringContaining('127.0.0.1') as unknown,
      });
      worker({ url: closed.url.replace('//', '//:secret@') });
      expect(await run({ url: closed.url.replace('//', '//:secret@'), limit: 3 })).toMatchObject({ answered: 3 });
      for (const one of ending.splice(0)) one.abort();
      await Promise.all(ended.splice(0));
      await closed[Symbol.asyncDispose]();
    });
  },
);
