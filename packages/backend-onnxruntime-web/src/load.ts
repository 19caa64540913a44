import { BackendError } from '@pocketlens/backend';
import type { BackendModelV1, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { loadOnnxModel } from '@pocketlens/backend-onnx';
import { startEngine } from './engine/engine.js';
import { graphOpener } from './engine/open-graph.js';
import type { WasmPaths, WebDevice, WebWarning } from './options.js';
import { verifyFiles } from './verify.js';

/** What a load needs besides the files; plain data, so that it can be sent to a worker. */
export interface LoadSettings extends Omit<LoadModelOptions, 'signal' | 'threads'> {
  readonly device: WebDevice;
  readonly threads: number;
  readonly wasmPaths?: WasmPaths;
}

/** Loads a model in the thread that calls. */
export async function loadInThisThread(
  source: ModelSource,
  { device, threads, wasmPaths, verify = false, ...rest }: LoadSettings,
  limits: { readonly signal?: AbortSignal | undefined; readonly onWarning?: (warning: WebWarning) => void },
): Promise<BackendModelV1> {
  const { signal, onWarning } = limits;
  const engine = await startEngine(device, { threads, ...(wasmPaths === undefined ? {} : { wasmPaths }) });
  if (engine.threads !== threads) {
    onWarning?.({
      code: 'THREADS_FIXED',
      message: `the engine of this thread was started with ${engine.threads} threads, so the model has as many, not ${threads}`,
    });
  }
  if (verify) await verifyFiles(source, signal);
  return loadOnnxModel(source, {
    ...rest,
    ...(signal === undefined ? {} : { signal }),
    device,
    openGraph: graphOpener(engine, { device, signal }),
  });
}

/** The error for a device that was demanded and is not there. */
export function deviceMissing(device: WebDevice, reason: string): BackendError {
  return new BackendError('BACKEND_UNSUPPORTED', `${device} was asked for: ${reason}`, {
    hint:
      device === 'webgpu'
        ? "Use { device: ['webgpu', 'wasm'] } to compute with WebAssembly where there is no WebGPU."
        : 'Use a current browser.',
    details: { device, reason },
  });
}
