import { BackendError } from '@pocketlens/backend';
import type * as OnnxRuntimeWeb from 'onnxruntime-web';
import type { InferenceSession } from 'onnxruntime-web';
import { isNode } from '../environment.js';
import type { WasmPaths, WebDevice } from '../options.js';
import { deviceWithoutSubgroups } from './webgpu-device.js';

export type OnnxRuntime = typeof OnnxRuntimeWeb;

/** ONNX Runtime as it was started in this thread. */
export interface Engine {
  readonly runtime: OnnxRuntime;
  /** Threads of every graph. */
  readonly threads: number;
  /** What sessions are opened with. */
  readonly provider: InferenceSession.ExecutionProviderConfig;
}

export interface EngineOptions {
  readonly threads: number;
  readonly wasmPaths?: WasmPaths;
}

/** The build for Node.js, which bundlers for browsers should not follow. */
const NODE_BUILD: string = 'onnxruntime-web';

const started = new Map<WebDevice, Promise<Engine>>();

/**
 * Starts the engine for a device. It is started once in a thread, so that later calls get the engine of the first,
 * with its threads and files.
 *
 * @throws {BackendError} `BACKEND_MISSING`
 */
export async function startEngine(device: WebDevice, options: EngineOptions): Promise<Engine> {
  const engine = started.get(device) ?? start(device, options);
  started.set(device, engine);
  try {
    return await engine;
  } catch (error) {
    started.delete(device);
    throw error;
  }
}

async function start(device: WebDevice, { threads, wasmPaths }: EngineOptions): Promise<Engine> {
  const runtime = await importRuntime(device);
  const { env } = runtime;
  env.logLevel = 'error';
  env.wasm.numThreads = threads;
  if (wasmPaths !== undefined) env.wasm.wasmPaths = toPaths(wasmPaths);
  const gpu = device === 'webgpu' ? await deviceWithoutSubgroups() : undefined;
  return {
    runtime,
    threads,
    provider: gpu === undefined ? device : { name: 'webgpu', device: gpu },
  };
}

/** The build of ONNX Runtime for a device; nothing is started yet. Throws `BackendError` `BACKEND_MISSING`. */
export async function importRuntime(device: WebDevice): Promise<OnnxRuntime> {
  try {
    if (isNode()) return (await import(/* @vite-ignore */ NODE_BUILD)) as OnnxRuntime;
    return device === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
  } catch (cause) {
    throw new BackendError('BACKEND_MISSING', 'onnxruntime-web cannot be loaded', {
      cause,
      hint: 'Run `npm i onnxruntime-web`, and look whether the bundle is complete.',
    });
  }
}

function toPaths(paths: WasmPaths): string | { mjs?: string; wasm?: string } {
  if (typeof paths === 'string') return paths.endsWith('/') ? paths : `${paths}/`;
  return {
    ...(paths.mjs === undefined ? {} : { mjs: String(paths.mjs) }),
    ...(paths.wasm === undefined ? {} : { wasm: String(paths.wasm) }),
  };
}
