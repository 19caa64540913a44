import { setTimeout as delay } from 'node:timers/promises';
import { type AnsweringModel, answerRequest, MOST_FAILURES_IN_A_ROW, type Outcome } from '@pocketlens/evaluation';
import { type Job, WaitingError, Worker } from 'bullmq';

import { connect, type Connection, type ConnectionEvent } from './connection.js';
import { AbortError, QueueError } from './errors.js';
import type { ModelIdentity } from './model-identity.js';
import { RunStore } from './run-store.js';
import { decodeRequest } from './wire.js';
import { MOST_STALLS, otherModelsWanted, PREFIX, queueNameOf, requireShard, type Shard } from './work-queue.js';

/** What a worker has to tell while it works. */
export type WorkerEvent =
  | ConnectionEvent
  | { readonly type: 'ready'; readonly host: string }
  /** Somebody waits for answers of other models than this worker's. */
  | { readonly type: 'other-models'; readonly models: readonly string[] }
  | {
      readonly type: 'outcome';
      readonly index: string;
      readonly isFailure: boolean;
      readonly answered: number;
      readonly failed: number;
    };

export interface WorkerOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` */
  readonly url: string;
  /** What answers; a function is called once the queue is there. */
  readonly model: AnsweringModel | (() => Promise<AnsweringModel>);
  /** What that model is: it gets the questions of runs that asked for an equal one. */
  readonly identity: ModelIdentity;
  /** Samples asked at once; default 1. */
  readonly concurrency?: number;
  /** Silence after which this worker's samples are given to others; default 30 s. */
  readonly lockMs?: number;
  /** Ends the worker when it had nothing to do for so long; default: it waits for the next run. */
  readonly idleMs?: number;
  /** Failures in a row after which the worker stops, because its model is gone; default 25. */
  readonly mostFailuresInARow?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: WorkerEvent) => void;
}

/** What a worker has done. */
export interface WorkerSummary {
  readonly answered: number;
  readonly failed: number;
}

const LOCK_MS = 30_000;
const PARTING_MS = 2000;
const IDLE_POLL_MS = 100;

/**
 * Answers questions of a queue until it is told to stop. It may be killed at any moment: what it had in work is given to others
 * when its lock runs out, and what it has stored stays stored. What it has in work when it is told to stop goes back at once.
 *
 * @returns when it was idle for `idleMs`
 * @throws {QueueError} `QUEUE_URL`, `QUEUE_UNREACHABLE`, `QUEUE_REFUSED`, `QUEUE_VERSION`, `WORKER_STOPPED`
 * @throws {AbortError} `ABORTED`
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerSummary> {
  const connection = await connect(options.url, options);
  try {
    const others = await otherModelsWanted(connection.redis, options.identity);
    if (others.length > 0) options.onEvent?.({ type: 'other-models', models: others });
    const model = typeof options.model === 'function' ? await options.model() : options.model;
    return await new ShardWorker(options, model, connection).run();
  } finally {
    connection.close();
  }
}

class ShardWorker {
  readonly #options: WorkerOptions;
  readonly #model: AnsweringModel;
  readonly #connection: Connection;
  readonly #stop = new AbortController();
  readonly #stopped = new Promise<void>((resolve) => {
    this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  #failure: QueueError | undefined;
  #answered = 0;
  #failed = 0;
  #failuresInARow = 0;
  #inWork = 0;
  #busyAt = performance.now();

  constructor(options: WorkerOptions, model: AnsweringModel, connection: Connection) {
    this.#options = options;
    this.#model = model;
    this.#connection = connection;
  }

  async run(): Promise<WorkerSummary> {
    const { identity, concurrency = 1, lockMs = LOCK_MS, signal, onEvent } = this.#options;
    const worker = new Worker<Shard>(queueNameOf(identity), (job, token) => this.#answerShard(job, token), {
      connection: this.#connection.redis,
      prefix: PREFIX,
      skipVersionCheck: true,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: MOST_STALLS,
      removeOnComplete: { count: 0 },
    });
    // Of lost connections `connect` tells; of shards that others have by now there is nothing to tell.
    worker.on('error', () => {});
    const abort = (): void => this.#stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      await Promise.race([worker.waitUntilReady(), this.#stopped]);
      if (!this.#stop.signal.aborted) onEvent?.({ type: 'ready', host: this.#connection.host });
      await this.#untilDone();
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#stop.abort();
      const closed = await Promise.race([worker.close().then(() => true), delay(PARTING_MS)]).catch(() => undefined);
      if (closed !== true) await Promise.race([worker.close(true).catch(() => {}), delay(PARTING_MS)]);
    }
    if (signal?.aborted) throw new AbortError(signal);
    if (this.#failure) throw this.#failure;
    return { answered: this.#answered, failed: this.#failed };
  }

  async #untilDone(): Promise<void> {
    const { idleMs } = this.#options;
    if (idleMs === undefined) return this.#stopped;
    this.#busyAt = performance.now();
    while (!this.#stop.signal.aborted) {
      if (this.#inWork > 0) this.#busyAt = performance.now();
      if (performance.now() - this.#busyAt >= idleMs) return;
      await Promise.race([delay(IDLE_POLL_MS), this.#stopped]);
    }
  }

  async #answerShard(job: Job<Shard>, token: string | undefined): Promise<void> {
    const { run, indices, patience } = requireShard(job.data);
    const store = new RunStore(this.#connection.redis, run);
    this.#inWork += 1;
    try {
      for (const index of indices) {
        const encoded = await store.question(index);
        if (encoded === undefined) continue;
        const request = (): Promise<ReturnType<typeof decodeRequest>> =>
          Promise.resolve().then(() => decodeRequest(encoded));
        const outcome = await answerRequest(this.#model, request, { ...patience, signal: this.#stop.signal });
        if (await store.store(index, outcome)) this.#count(index, outcome);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
      // Given back, so that nobody has to wait until the lock runs out.
      await job.moveToWait(token);
      throw new WaitingError();
    } finally {
      this.#inWork -= 1;
    }
  }

  #count(index: string, outcome: Outcome): void {
    const isFailure = 'error' in outcome;
    if (isFailure) this.#failed += 1;
    else this.#answered += 1;
    this.#failuresInARow = isFailure ? this.#failuresInARow + 1 : 0;
    this.#options.onEvent?.({ type: 'outcome', index, isFailure, answered: this.#answered, failed: this.#failed });
    if (this.#failuresInARow < (this.#options.mostFailuresInARow ?? MOST_FAILURES_IN_A_ROW)) return;
    const reason = 'error' in outcome ? outcome.error.message : '';
    this.#failure = new QueueError(
      'WORKER_STOPPED',
      `Stopped after ${this.#failuresInARow} failures in a row, the last: ${reason}`,
      { hint: 'Start the worker again when its model answers.' },
    );
    this.#stop.abort();
  }
}
