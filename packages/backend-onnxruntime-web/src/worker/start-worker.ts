import type { WebWorker } from './web-worker.js';

type WorkerConstructor = new (url: URL, options: { readonly type: 'module'; readonly name: string }) => WebWorker;

declare const Worker: WorkerConstructor;

const NAME = 'pocketlens';

/** Starts the worker in which a model runs: this package's own, from a file, or by a function. */
export function startWorker(worker: true | URL | (() => WebWorker)): WebWorker {
  if (typeof worker === 'function') return worker();
  if (worker instanceof URL) return new Worker(worker, { type: 'module', name: NAME });
  // Written out in full, so that bundlers which know the pattern carry the file along.
  return new Worker(new URL('./entry.js', import.meta.url), { type: 'module', name: 'pocketlens' });
}
