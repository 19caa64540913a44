import type { SequenceV1 } from '@pocketlens/backend';
import { CachedSequence } from '../generation/cached-sequence.js';
import type { PromptUnit } from '../generation/cached-sequence.js';

export interface SequencePoolLimits {
  /** Most sequences kept. */
  readonly sequences: number;
  /** Most positions that kept sequences have room for together. */
  readonly positions: number;
}

export interface SequenceCacheStats {
  /** Kept and not in use. */
  readonly sequences: number;
  /** Positions that these have room for. */
  readonly positions: number;
  /** Requests that found the beginning of their prompt. */
  readonly hits: number;
  readonly misses: number;
}

/** A shorter beginning, such as the header of every conversation, is not worth giving up what a sequence holds. */
const LEAST_SHARED_POSITIONS = 16;

/**
 * Sequences that earlier requests left behind. A request with the same beginning goes on from there. Each is used by one
 * request at a time.
 */
export class SequencePool {
  readonly #create: () => SequenceV1;
  readonly #limits: SequencePoolLimits;
  /** Least recently used first. */
  #idle: readonly CachedSequence[] = [];
  #hits = 0;
  #misses = 0;
  #isDisposed = false;

  constructor(create: () => SequenceV1, limits: SequencePoolLimits) {
    this.#create = create;
    this.#limits = limits;
  }

  /**
   * A sequence for these units, to be given back with `release`: the one with the longest common beginning, or a copy of it
   * where most of what it holds would be lost, or an empty one.
   *
   * @throws {DisposedError} `DISPOSED` after the model is
   */
  acquire(units: readonly PromptUnit[]): CachedSequence {
    const shared = this.#idle.map((sequence) => sequence.sharedLength(units));
    const most = Math.max(0, ...shared);
    if (most < LEAST_SHARED_POSITIONS) {
      this.#misses++;
      return new CachedSequence(this.#create());
    }
    this.#hits++;
    const found = this.#idle[shared.lastIndexOf(most)]!;
    if (2 * most < found.sequence.length) return found.fork();
    this.#idle = this.#idle.filter((sequence) => sequence !== found);
    return found;
  }

  /** Takes a sequence back that nobody works with any more; forgets the least recently used ones beyond the limits. */
  release(sequence: CachedSequence): void {
    if (sequence.isDisposed) return;
    this.#idle = [...this.#idle, sequence];
    this.#trim(this.#isDisposed ? NONE : this.#limits);
  }

  stats(): SequenceCacheStats {
    return { sequences: this.#idle.length, positions: this.#positions(), hits: this.#hits, misses: this.#misses };
  }

  /** Forgets everything that is not in use. */
  clear(): void {
    this.#trim(NONE);
  }

  /** Forgets everything; what is in use goes when it is given back. */
  dispose(): void {
    this.#isDisposed = true;
    this.clear();
  }

  #trim(limits: SequencePoolLimits): void {
    while (this.#idle.length > limits.sequences || this.#positions() > limits.positions) {
      const [oldest, ...rest] = this.#idle;
      oldest!.dispose();
      this.#idle = rest;
    }
  }

  #positions(): number {
    return this.#idle.reduce((sum, { peakLength }) => sum + peakLength, 0);
  }
}

const NONE: SequencePoolLimits = { sequences: 0, positions: 0 };
