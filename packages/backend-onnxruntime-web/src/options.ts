import { InvalidArgumentError } from '@pocketlens/backend';
import type { LoadModelOptions } from '@pocketlens/backend';
import type { WebWorker } from './worker/web-worker.js';

/** What computes: WebAssembly on the processor, or WebGPU. */
export type WebDevice = 'wasm' | 'webgpu';

const DEVICES: readonly string[] = ['wasm', 'webgpu'] satisfies WebDevice[];

/** Something that was asked for and cannot be had, or not at its speed; the model works all the same. */
export interface WebWarning {
  readonly code: 'WEBGPU_UNAVAILABLE' | 'THREADS_UNAVAILABLE' | 'THREADS_FIXED' | 'DTYPE_SLOW';
  readonly message: string;
}

/** Bytes of the model that were read, of those that will be. */
export interface ReadProgress {
  readonly done: number;
  readonly total: number;
}

/** Where the files of the engine lie: a folder, as a URL that ends with a slash, or each file by its own URL. */
export type WasmPaths = string | { readonly mjs?: string | URL; readonly wasm?: string | URL };

export interface OnnxRuntimeWebOptions {
  /**
   * What computes. A list is an order of preference: the first that is there is taken, and `onWarning` tells of those that
   * are not. One name alone is a demand: without it, `loadModel` throws. Default `'wasm'`.
   */
  readonly device?: WebDevice | readonly WebDevice[];
  /** Threads of one graph; default: the processor's, at most 4, where the page is cross-origin isolated, else 1. */
  readonly threads?: number;
  /** Default: where the bundler has put the files of onnxruntime-web. */
  readonly wasmPaths?: WasmPaths;
  /**
   * Whether a model gets a worker, so that the page stays responsive. Default: true in browsers, never in Node.js. A URL
   * names the worker's file where a bundler has moved it; a function starts the worker.
   */
  readonly worker?: boolean | URL | (() => WebWorker);
  /** Positions of one pass of a long prompt; default: 128, less where attention over a long context would need more memory. */
  readonly prefillChunk?: number;
  /** `'int8'`: keys and values in a quarter of the memory, with slightly other logits. Default `'float32'`. */
  readonly kvCache?: NonNullable<LoadModelOptions['kvCache']>;
  /** `'low'`: vision encoder and language model take turns in memory. Default `'normal'`. */
  readonly memory?: NonNullable<LoadModelOptions['memory']>;
  /** Told what was asked for and cannot be had. Default: a warning on the console. */
  readonly onWarning?: (warning: WebWarning) => void;
  /** Called while the graphs and their weights are read. */
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** The devices in the order of preference. Throws `InvalidArgumentError` `ARGUMENT_RANGE` for another name, or none. */
export function devicePreference({ device = 'wasm' }: OnnxRuntimeWebOptions): readonly [WebDevice, ...WebDevice[]] {
  const [first, ...others] = typeof device === 'string' ? [device] : device;
  const unknown = [first, ...others].find((name) => name === undefined || !DEVICES.includes(name));
  if (first !== undefined && unknown === undefined) return [first, ...others];
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `device must name some of ${DEVICES.join(', ')}, received ${unknown ?? 'none'}`,
  );
}

/** Throws `InvalidArgumentError` `ARGUMENT_RANGE` for a number of threads that is none. */
export function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isSafeInteger(threads) && threads >= 1)) return;
  throw new InvalidArgumentError('ARGUMENT_RANGE', `threads must be a whole number of at least 1, received ${threads}`);
}
