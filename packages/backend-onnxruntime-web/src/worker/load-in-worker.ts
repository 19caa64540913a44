import { BackendError } from '@pocketlens/backend';
import type { BackendModelV1, ModelSource } from '@pocketlens/backend';
import { loadRemoteModel, RemoteCaller } from '@pocketlens/backend-onnx';
import type { LoadSettings } from '../load.js';
import type { WebWarning } from '../options.js';
import type { WorkerNotice, WorkerStart } from './entry.js';
import { serveSource } from './source-port.js';
import type { StartedPort } from './source-port.js';
import { startWorker } from './start-worker.js';
import { webPort } from './web-worker.js';
import type { WebWorker } from './web-worker.js';

export interface LoadInWorkerOptions {
  readonly worker: true | URL | (() => WebWorker);
  readonly signal: AbortSignal | undefined;
  readonly onWarning: (warning: WebWarning) => void;
}

/**
 * Loads a model in a worker of its own, which ends with the model. Files are read in this thread, since a source may be
 * anything; reading does not block.
 *
 * @throws {BackendError} `BACKEND_MISSING` when the worker does not start, `BACKEND_FAILED` when it dies
 */
export async function loadInWorker(
  source: ModelSource,
  settings: LoadSettings,
  { worker: how, signal, onWarning }: LoadInWorkerOptions,
): Promise<BackendModelV1> {
  const worker = start(how);
  const [calls, files] = [channel(), channel()];
  const caller = new RemoteCaller(webPort(calls.here), () => undefined);
  calls.here.start();
  const closeFiles = serveSource(files.here, source);
  const end = (): void => {
    worker.terminate();
    calls.here.close();
    closeFiles();
  };
  let isLoaded = false;
  worker.addEventListener('error', ({ message }) => caller.fail(isLoaded ? lost(message) : notStarted(message)));
  worker.addEventListener('message', ({ data }) => {
    const notice = data as WorkerNotice | undefined;
    if (notice?.type === 'pocketlens-warning') onWarning(notice.warning);
  });
  const first: WorkerStart = {
    type: 'pocketlens-start',
    calls: calls.there,
    files: files.there,
    sourceName: source.name,
  };
  worker.postMessage(first, [calls.there, files.there] as never[]);
  try {
    const model = await loadRemoteModel(caller, { options: settings, signal, close: async () => end() });
    isLoaded = true;
    return model;
  } catch (error) {
    end();
    throw error;
  }
}

function channel(): { readonly here: StartedPort; readonly there: StartedPort } {
  const { port1, port2 } = new MessageChannel();
  // Node's types know the port of its own threads, which has the interface of browsers as well.
  return { here: port1 as unknown as StartedPort, there: port2 as unknown as StartedPort };
}

function start(how: LoadInWorkerOptions['worker']): WebWorker {
  try {
    return startWorker(how);
  } catch (cause) {
    throw notStarted(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function notStarted(message: unknown, cause?: unknown): BackendError {
  const why = typeof message === 'string' && message !== '' ? `: ${message}` : '';
  return new BackendError('BACKEND_MISSING', `the worker of the model does not start${why}`, {
    cause,
    hint:
      'A bundler must know `new Worker(new URL(...))`, or bundle @pocketlens/backend-onnxruntime-web/worker as a file of its ' +
      'own: then pass { worker: URL of that file }, or a function that starts it. { worker: false } does without.',
  });
}

function lost(message: unknown): BackendError {
  const why = typeof message === 'string' && message !== '' ? `: ${message}` : '';
  return new BackendError('BACKEND_FAILED', `the worker of the model ended${why}`, {
    hint: 'The model is lost: open it again.',
  });
}
