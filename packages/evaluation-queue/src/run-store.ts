import type { Outcome } from '@pocketlens/evaluation';
import type { Redis } from 'ioredis';

import { decodeOutcome, encodeOutcome } from './wire.js';

/** Runs that nobody has touched for so long are forgotten. */
const FORGOTTEN_AFTER_S = 14 * 24 * 3600;

/** KEYS: questions, outcomes. ARGV: index, outcome, seconds. Whoever takes the question out stores the outcome: once. */
const STORE = `
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1`;

/**
 * What a run has in Redis: questions that wait for an answer, and outcomes that wait to be written to the disk, each by index
 * of the sample. A question is in one of both at most. Every call may be repeated, since a lost connection repeats it.
 */
export class RunStore {
  readonly #redis: Redis;
  readonly #questions: string;
  readonly #outcomes: string;

  constructor(redis: Redis, run: string) {
    this.#redis = redis;
    this.#questions = `pocketlens:run:${run}:questions`;
    this.#outcomes = `pocketlens:run:${run}:outcomes`;
  }

  async putQuestions(requests: ReadonlyMap<string, string>): Promise<void> {
    await this.#redis.hset(this.#questions, new Map(requests));
    await this.#redis.expire(this.#questions, FORGOTTEN_AFTER_S);
  }

  /** The encoded question; undefined when it is answered, or nobody wants to know any more. */
  async question(index: string): Promise<string | undefined> {
    return (await this.#redis.hget(this.#questions, index)) ?? undefined;
  }

  async openIndices(): Promise<Set<string>> {
    return new Set(await this.#redis.hkeys(this.#questions));
  }

  /** @returns false when the question had an outcome already, or the run has ended */
  async store(index: string, outcome: Outcome): Promise<boolean> {
    const args = [index, encodeOutcome(outcome), FORGOTTEN_AFTER_S] as const;
    return (await this.#redis.eval(STORE, 2, this.#questions, this.#outcomes, ...args)) === 1;
  }

  async outcomes(): Promise<Map<string, Outcome>> {
    const found = Object.entries(await this.#redis.hgetall(this.#outcomes));
    return new Map(found.map(([index, text]) => [index, decodeOutcome(text)]));
  }

  /** Which of these have an outcome that waits. */
  async answered(indices: readonly string[]): Promise<Set<string>> {
    const found = await this.#redis.hmget(this.#outcomes, ...indices);
    return new Set(indices.filter((_, at) => found[at] !== null));
  }

  /** Forgets outcomes that are on the disk. */
  async forget(indices: readonly string[]): Promise<void> {
    if (indices.length > 0) await this.#redis.hdel(this.#outcomes, ...indices);
  }

  /** Forgets the questions only: workers have nothing more to do, what they have answered stays. */
  async withdraw(): Promise<void> {
    await this.#redis.del(this.#questions);
  }

  async end(): Promise<void> {
    await this.#redis.del(this.#questions, this.#outcomes);
  }
}
