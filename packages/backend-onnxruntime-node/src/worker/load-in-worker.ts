import { BackendError } from '@pocketlens/backend';
import type { BackendModelV1 } from '@pocketlens/backend';
import { loadRemoteModel, RemoteCaller } from '@pocketlens/backend-onnx';
import type { DirectoryLoad } from '../load.js';
import { nodePort } from './node-port.js';
import { startWorker } from './start-worker.js';

/**
 * Loads a model in a thread of its own, which ends with the model. The thread keeps the process alive only while a
 * call runs.
 *
 * @throws {BackendError} `BACKEND_MISSING` without the worker file, `BACKEND_FAILED` when the thread dies
 */
export async function loadInWorker(
  load: DirectoryLoad,
  options: { readonly file: URL | undefined; readonly signal: AbortSignal | undefined },
): Promise<BackendModelV1> {
  const worker = startWorker(options.file);
  const caller = new RemoteCaller(nodePort(worker), (isBusy) => (isBusy ? worker.ref() : worker.unref()));
  let cause: unknown;
  worker.on('error', (error) => (cause = error));
  worker.on('messageerror', (error) => {
    cause = error;
    void worker.terminate();
  });
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', (exitCode) => {
      caller.fail(lostThread(exitCode, cause));
      resolve();
    });
  });
  const close = (): Promise<void> => {
    worker.ref();
    return ended;
  };
  try {
    return await loadRemoteModel(caller, { options: load, signal: options.signal, close });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

function lostThread(exitCode: number, cause: unknown): BackendError {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') {
    return new BackendError('BACKEND_MISSING', 'the file of the worker thread, or what it imports, is not there', {
      cause,
      hint:
        'A bundler must keep @pocketlens/backend-onnxruntime-node external, or bundle its /worker entry as well and ' +
        'pass { worker: URL of that file }; { worker: false } does without a thread.',
    });
  }
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new BackendError('BACKEND_FAILED', `the thread of the model ended with exit code ${exitCode}${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'The model is lost: open it again.',
    details: { exitCode, ...(typeof code === 'string' ? { threadCode: code } : {}) },
  });
}
