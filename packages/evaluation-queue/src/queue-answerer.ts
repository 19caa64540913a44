import { setTimeout as delay } from 'node:timers/promises';
import {
  type Answerer,
  describeFailure,
  type Patience,
  type Question,
  type StoreOutcome,
} from '@pocketlens/evaluation';
import { Queue } from 'bullmq';

import { connect, type Connection, type ConnectionEvent } from './connection.js';
import { AbortError } from './errors.js';
import type { ModelIdentity } from './model-identity.js';
import { RunStore } from './run-store.js';
import { encodeRequest } from './wire.js';
import { announceModel, PREFIX, queueNameOf, type Shard } from './work-queue.js';

/** What a run through a queue has to tell while it goes on. */
export type QueueEvent =
  | ConnectionEvent
  | { readonly type: 'no-workers' }
  | { readonly type: 'workers'; readonly count: number };

export interface QueueAnswererOptions extends Patience {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` */
  readonly url: string;
  /**
   * Names the run: the same name for the same output, so that a run that is started again takes what workers have answered
   * meanwhile; another one for every other.
   */
  readonly run: string;
  /** The model that is to answer. Only workers with an equal identity get the questions. */
  readonly model: ModelIdentity;
  /** Samples that a worker takes at once, and loses with it; default 4. */
  readonly shardSize?: number;
  /** How often lost work is looked for; default 5 s. */
  readonly checkMs?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: QueueEvent) => void;
}

/** An answerer with a connection. */
export interface QueueAnswerer extends Answerer {
  /** Host and port of the queue. */
  readonly host: string;
  close(): Promise<void>;
}

const SHARD_SIZE = 4;
/** What stands in Redis at once, at most: enough for hundreds of workers, little enough for a small server. */
const MOST_OPEN = 1024;
const MOST_OPEN_BYTES = 128 * 2 ** 20;
const SHARDS_A_ROUND = 32;
const POLL_MS = 50;
const CHECK_MS = 5000;
const PARTING_MS = 1000;

/**
 * Has questions answered by `runWorker` on any number of machines. Questions and outcomes go through Redis; the run itself, and
 * what was answered, stays in the output of `collectAnswers`, so that nothing depends on how well Redis keeps its data: what it
 * loses is asked again.
 *
 * @throws {QueueError} `QUEUE_URL`, `QUEUE_UNREACHABLE`, `QUEUE_REFUSED`, `QUEUE_VERSION`
 */
export async function openQueueAnswerer(options: QueueAnswererOptions): Promise<QueueAnswerer> {
  const connection = await connect(options.url, options);
  const queue = new Queue<Shard>(queueNameOf(options.model), {
    connection: connection.redis,
    prefix: PREFIX,
    skipVersionCheck: true,
  });
  // A connection that goes away is told by `connect`, and comes back by itself.
  queue.on('error', () => {});
  return {
    host: connection.host,
    answer: (questions, store) => new Dispatcher(options, connection, queue, store).run(questions),
    async close() {
      await Promise.race([queue.close().catch(() => {}), delay(PARTING_MS)]);
      connection.close();
    },
  };
}

interface OpenQuestion {
  readonly question: Question;
  readonly bytes: number;
  /** Id of the job that it is part of. */
  shard: string;
}

class Dispatcher {
  readonly #options: QueueAnswererOptions;
  readonly #connection: Connection;
  readonly #queue: Queue<Shard>;
  readonly #store: StoreOutcome;
  readonly #runStore: RunStore;
  readonly #open = new Map<string, OpenQuestion>();
  #openBytes = 0;
  #shards = 0;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #workers: number | undefined;

  constructor(options: QueueAnswererOptions, connection: Connection, queue: Queue<Shard>, store: StoreOutcome) {
    this.#options = options;
    this.#connection = connection;
    this.#queue = queue;
    this.#store = store;
    this.#runStore = new RunStore(connection.redis, options.run);
  }

  async run(questions: AsyncIterable<Question>): Promise<void> {
    const { signal } = this.#options;
    // Calls wait for a server that is away; a caller who wants to leave does not.
    const parting = new Promise<void>((resolve) => {
      const leave = (): void => void delay(PARTING_MS / 2).then(resolve);
      if (signal?.aborted) leave();
      else signal?.addEventListener('abort', leave, { once: true });
    });
    try {
      const work = this.#work(questions);
      work.catch(() => {});
      await Promise.race([work, parting]);
      this.#throwIfAborted();
      await this.#runStore.end();
    } catch (error) {
      await Promise.race([this.#runStore.withdraw().catch(() => {}), delay(PARTING_MS / 2)]);
      throw error;
    }
  }

  async #work(questions: AsyncIterable<Question>): Promise<void> {
    const source = questions[Symbol.asyncIterator]();
    let isExhausted = false;
    try {
      while (!isExhausted || this.#open.size > 0) {
        this.#throwIfAborted();
        if (!isExhausted) isExhausted = await this.#feed(source);
        const stored = await this.#storeOutcomes();
        await this.#check();
        if (stored === 0 && this.#open.size > 0) await delay(POLL_MS);
      }
    } finally {
      await source.return?.();
    }
  }

  #throwIfAborted(): void {
    const { signal } = this.#options;
    if (signal?.aborted) throw new AbortError(signal);
  }

  /** @returns whether there are no more questions */
  async #feed(source: AsyncIterator<Question>): Promise<boolean> {
    const size = this.#options.shardSize ?? SHARD_SIZE;
    for (let shards = 0; shards < SHARDS_A_ROUND && this.#hasRoom(); shards += 1) {
      const requests = new Map<string, string>();
      const taken: Question[] = [];
      let isDone = false;
      while (taken.length < size && !isDone) {
        const next = await source.next();
        isDone = next.done === true;
        if (next.done !== true) taken.push(next.value);
      }
      for (const question of taken) await this.#encode(question, requests);
      await this.#ask(taken, requests);
      if (isDone) return true;
    }
    return false;
  }

  #hasRoom(): boolean {
    return this.#open.size < MOST_OPEN && this.#openBytes < MOST_OPEN_BYTES;
  }

  // A sample whose picture cannot be read has failed here already.
  async #encode(question: Question, requests: Map<string, string>): Promise<void> {
    try {
      requests.set(question.index, encodeRequest(await question.request()));
    } catch (error) {
      await this.#store(question.index, { error: describeFailure(error) });
    }
  }

  async #ask(taken: readonly Question[], requests: ReadonlyMap<string, string>): Promise<void> {
    for (const question of taken) {
      const bytes = requests.get(question.index)?.length;
      if (bytes === undefined) continue;
      this.#open.set(question.index, { question, bytes, shard: '' });
      this.#openBytes += bytes;
    }
    if (requests.size === 0) return;
    // Answered for this run before it was started again: nothing is left but to write it down.
    const answered = await this.#runStore.answered([...requests.keys()]);
    const unanswered = [...requests].filter(([index]) => !answered.has(index));
    if (unanswered.length > 0) await this.#dispatch(new Map(unanswered));
  }

  async #dispatch(requests: ReadonlyMap<string, string>): Promise<void> {
    await this.#runStore.putQuestions(requests);
    await this.#addShard([...requests.keys()]);
  }

  async #addShard(indices: readonly string[]): Promise<void> {
    const { run, retries, sampleTimeoutMs } = this.#options;
    // Not the same as in an earlier session of this run, whose jobs may still be there.
    const id = `${run}-${process.pid}-${Date.now().toString(36)}-${(this.#shards += 1)}`;
    // As JSON leaves functions out, a listener to repetitions stays here.
    const patience: Patience = {
      ...(retries && { retries }),
      ...(sampleTimeoutMs !== undefined && { sampleTimeoutMs }),
    };
    await this.#queue.add('shard', { run, indices, patience }, { jobId: id, removeOnComplete: true });
    for (const index of indices) {
      const open = this.#open.get(index);
      if (open) open.shard = id;
    }
  }

  /** @returns how many outcomes are on the disk now that were not before */
  async #storeOutcomes(): Promise<number> {
    const outcomes = [...(await this.#runStore.outcomes())].filter(([index]) => this.#open.has(index));
    await Promise.all(outcomes.map(([index, outcome]) => this.#store(index, outcome)));
    for (const [index] of outcomes) this.#close(index);
    // Only what is on the disk may be forgotten.
    await this.#runStore.forget(outcomes.map(([index]) => index));
    return outcomes.length;
  }

  #close(index: string): void {
    this.#openBytes -= this.#open.get(index)?.bytes ?? 0;
    this.#open.delete(index);
  }

  /** Finds what got lost, with a worker or with data of Redis, and has it asked again. */
  async #check(): Promise<void> {
    if (performance.now() - this.#checkedAt < (this.#options.checkMs ?? CHECK_MS)) return;
    this.#checkedAt = performance.now();
    await announceModel(this.#connection.redis, this.#options.model);
    await this.#tellWorkers();
    const waiting = await this.#runStore.openIndices();
    const failed = new Map<string, string>();
    const gone = new Set<string>();
    for (const id of new Set([...this.#open.values()].map(({ shard }) => shard))) {
      const job = id === '' ? undefined : await this.#queue.getJob(id);
      if (job === undefined) gone.add(id);
      else if (await job.isFailed()) failed.set(id, job.failedReason);
    }
    // What was answered since is not lost, so the order of these steps matters.
    await this.#storeOutcomes();
    for (const [id, reason] of failed) await this.#replaceFailed(id, reason);
    const lost = [...this.#open].filter(
      ([index, { shard }]) => gone.has(shard) || !(waiting.has(index) || failed.has(shard)),
    );
    await this.#askAgain(lost.map(([index]) => index));
  }

  async #askAgain(indices: readonly string[]): Promise<void> {
    const size = this.#options.shardSize ?? SHARD_SIZE;
    for (let at = 0; at < indices.length; at += size) {
      const requests = new Map<string, string>();
      for (const index of indices.slice(at, at + size)) {
        const { question } = this.#open.get(index)!;
        await this.#encode(question, requests);
        if (!requests.has(index)) this.#close(index);
      }
      if (requests.size > 0) await this.#dispatch(requests);
    }
  }

  /** A shard that took several workers with it: its samples go on alone, and the one that does it again has failed. */
  async #replaceFailed(id: string, reason: string): Promise<void> {
    const indices = [...this.#open].filter(([, { shard }]) => shard === id).map(([index]) => index);
    await this.#queue.remove(id);
    if (indices.length === 1) {
      const [index] = indices as [string];
      const message = `No worker could finish this sample: ${reason}.`;
      await this.#runStore.store(index, { error: { code: 'WORKER_LOST', message } });
      return;
    }
    for (const index of indices) await this.#addShard([index]);
  }

  async #tellWorkers(): Promise<void> {
    // Some servers do not tell who is connected.
    const count = await this.#queue.getWorkersCount().catch(() => undefined);
    if (count === undefined || count === this.#workers) return;
    this.#workers = count;
    this.#options.onEvent?.(count === 0 ? { type: 'no-workers' } : { type: 'workers', count });
  }
}
