import { availableParallelism } from 'node:os';

/** More threads cost more in waiting than they give for the matrices of these models. */
const MOST_DEFAULT_THREADS = 8;

export function defaultThreads(): number {
  return Math.min(availableParallelism(), MOST_DEFAULT_THREADS);
}
