import { Worker } from 'node:worker_threads';

/** Runs `entry.ts` where nothing is built: the tests and tools of the repository. It is no part of the package. */
const FROM_SOURCE: string = './from-source.mjs';
const isSource: boolean = import.meta.url.endsWith('.ts');

/** Starts the thread in which a model runs, from `file` or from this package's own entry. */
export function startWorker(file: URL | undefined): Worker {
  if (file !== undefined) return new Worker(file);
  if (isSource) return new Worker(new URL(FROM_SOURCE, import.meta.url), { execArgv: [] });
  // Written out in full, so that bundlers which know the pattern carry the file along.
  // Without the flags of the process, of which some, as `--input-type`, are refused by threads.
  return new Worker(new URL('./entry.js', import.meta.url), { execArgv: [] });
}
