import type { Worker } from 'node:worker_threads';
import type { RowsQuantizer } from './quantizer.js';
import { SharedMemory } from './shared-memory.js';
import { quantizeTask, type RowsTask, type TaskAnswer, type TaskMessage } from './task.js';
import { startWorker } from './start-worker.js';

/** Tasks that a thread has at a time: the next ones are there when one is done, also while a file is flushed. */
const TASKS_PER_THREAD = 4;

interface Thread {
  readonly worker: Worker;
  readonly tasks: Set<number>;
}

interface PendingTask {
  readonly task: RowsTask;
  readonly tensor: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Threads that quantise rows, started with the first task. What a thread could not do, because a value is not finite or the
 * thread itself failed, is done in the calling thread, which then throws what there is to throw.
 */
export class QuantizationWorkers implements RowsQuantizer {
  readonly memory: SharedMemory = new SharedMemory();
  readonly #threadCount: number;
  readonly #startThread: () => Worker;
  readonly #threads: Thread[] = [];
  readonly #pending = new Map<number, PendingTask>();
  readonly #waiting: number[] = [];
  #lastId = 0;
  #hasFailed = false;
  #isClosed = false;

  /** `startThread` starts a thread that runs `entry.ts`. */
  constructor(threadCount: number, startThread: () => Worker = startWorker) {
    this.#threadCount = threadCount;
    this.#startThread = startThread;
  }

  get ahead(): number {
    return this.#threadCount * TASKS_PER_THREAD + 1;
  }

  async run(task: RowsTask, tensor: string): Promise<void> {
    if (this.#isClosed || this.#hasFailed) {
      quantizeTask(task, tensor);
      return;
    }
    while (this.#threads.length < this.#threadCount) this.#threads.push(this.#start());
    await new Promise<void>((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { task, tensor, resolve, reject });
      this.#waiting.push(id);
      this.#assign();
    });
  }

  /** Ends the threads, whatever they are doing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
    this.#threads.length = 0;
  }

  #start(): Thread {
    const thread: Thread = { worker: this.#startThread(), tasks: new Set() };
    thread.worker.on('message', ({ id, isDone }: TaskAnswer) => {
      thread.tasks.delete(id);
      this.#settle(id, isDone);
      this.#assign();
    });
    thread.worker.on('error', () => this.#fail());
    thread.worker.on('exit', () => this.#fail());
    return thread;
  }

  /** Gives the tasks that wait to the threads with the fewest. */
  #assign(): void {
    while (this.#waiting.length > 0) {
      const [thread] = this.#threads.toSorted((a, b) => a.tasks.size - b.tasks.size);
      if (thread === undefined || thread.tasks.size >= TASKS_PER_THREAD) return;
      const id = this.#waiting.shift()!;
      thread.tasks.add(id);
      const message: TaskMessage = { id, task: this.#pending.get(id)!.task };
      thread.worker.postMessage(message, []);
    }
  }

  #settle(id: number, isDone: boolean): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    try {
      if (!isDone) quantizeTask(pending.task, pending.tensor);
      pending.resolve();
    } catch (error) {
      pending.reject(error);
    }
  }

  /** A thread has ended by itself: from now on the calling thread does the work. */
  #fail(): void {
    if (this.#isClosed || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#waiting.length = 0;
    for (const { worker } of this.#threads) void worker.terminate();
    for (const id of this.#pending.keys()) this.#settle(id, false);
  }
}
