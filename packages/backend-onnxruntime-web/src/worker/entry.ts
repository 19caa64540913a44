import { serveModel } from '@pocketlens/backend-onnx';
import { isNode } from '../environment.js';
import { loadInThisThread } from '../load.js';
import type { LoadSettings } from '../load.js';
import type { WebWarning } from '../options.js';
import { PortSource } from './source-port.js';
import type { StartedPort } from './source-port.js';
import { webPort } from './web-worker.js';
import type { WebPort } from './web-worker.js';

/** The first message of a worker: where its model is read from. Everything else follows on `calls`. */
export interface WorkerStart {
  readonly type: 'pocketlens-start';
  readonly calls: StartedPort;
  readonly files: StartedPort;
  readonly sourceName: string;
}

/** What a worker tells besides the answers to calls. */
export interface WorkerNotice {
  readonly type: 'pocketlens-warning';
  readonly warning: WebWarning;
}

interface WorkerScope extends WebPort {
  close(): void;
}

// Started by `startWorker`; anywhere but in a worker this file does nothing.
const scope = globalThis as unknown as Partial<WorkerScope> & { readonly WorkerGlobalScope?: unknown };
if (scope.WorkerGlobalScope !== undefined && !isNode()) listenForStart(scope as WorkerScope);

function listenForStart(worker: WorkerScope): void {
  worker.addEventListener('message', ({ data }) => {
    // Bundlers and development servers send messages of their own.
    const start = data as WorkerStart | undefined;
    if (start?.type !== 'pocketlens-start') return;
    const source = new PortSource(start.files, start.sourceName);
    const onWarning = (warning: WebWarning): void =>
      worker.postMessage({ type: 'pocketlens-warning', warning } satisfies WorkerNotice, []);
    // The options come from `loadInWorker` of this release.
    serveModel(
      webPort(start.calls),
      (options, signal) => loadInThisThread(source, options as LoadSettings, { signal, onWarning }),
      () => worker.close(),
    );
    start.calls.start();
  });
}
