import { isMainThread, parentPort } from 'node:worker_threads';
import { serveModel } from '@pocketlens/backend-onnx';
import { loadInThisThread } from '../load.js';
import type { DirectoryLoad } from '../load.js';
import { nodePort } from './node-port.js';

// Started by `startWorker`; imported anywhere else, this file does nothing.
if (!isMainThread && parentPort !== null) {
  const parent = parentPort;
  // The options come from `loadInWorker` of this release.
  const load = (options: unknown, signal: AbortSignal): ReturnType<typeof loadInThisThread> =>
    loadInThisThread({ ...(options as DirectoryLoad), signal });
  serveModel(nodePort(parent), load, () => parent.close());
}
