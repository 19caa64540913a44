import { InvalidArgumentError } from '@pocketlens/backend';
import type { BackendModelV1, BackendReport, BackendV1, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { defaultThreads } from './default-threads.js';
import { DirectorySource } from '@pocketlens/backend-onnx/node';
import { loadFrom } from './load.js';
import type { EngineOptions } from './load.js';
import { importRuntime } from './runtime.js';
import { loadInWorker } from './worker/load-in-worker.js';

export interface OnnxRuntimeNodeOptions {
  /** Threads of one graph; default: the cores that this process may use, at most 8. */
  readonly threads?: number;
  /** Threads wait by spinning: a little faster on an idle machine, much slower on a busy one. Default false. */
  readonly spinning?: boolean;
  /** Positions of one pass of a long prompt; default: 128, less where attention over a long context would need more memory. */
  readonly prefillChunk?: number;
  /** `'int8'`: keys and values in a quarter of the memory, with slightly other logits. Default `'float32'`. */
  readonly kvCache?: 'float32' | 'int8';
  /** `'low'`: vision encoder and language model take turns in memory. Default `'normal'`. */
  readonly memory?: 'normal' | 'low';
  /**
   * Keeps the weights on disk as this processor wants them, so that they are mapped, not built in memory: true for the
   * usual cache directory, or a directory. The files take two to five times the model's size. Default: no.
   */
  readonly prepacked?: boolean | string;
  /**
   * Chooses `threads`, `spinning` and `prefillChunk`, where they are not given, by measuring: true does it at the first load
   * of a model, for a few seconds, and keeps the choice in the cache directory; `'cached'` takes a choice that is there
   * and measures nothing. Logits change no more than with another number of threads. Default: neither.
   */
  readonly autoTune?: boolean | 'cached';
  /** Where choices and, with `prepacked: true`, packed weights are kept; default: the usual cache directory. */
  readonly cacheDirectory?: string;
  /**
   * Whether a model gets a worker thread, so that its work does not block this one. Default true. A URL names the file
   * of the worker where a bundler has moved it. A `ModelSource` that is no `DirectorySource` is always read, and its
   * model run, in this thread.
   */
  readonly worker?: boolean | URL;
}

/**
 * Backend on the native ONNX Runtime for Node.js, on the CPU.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for a number of threads below 1
 */
export function onnxruntimeNode(options: OnnxRuntimeNodeOptions = {}): BackendV1 {
  checkThreads(options.threads);
  return {
    specificationVersion: 'v1',
    name: 'onnxruntime-node',
    probe: () => probe(options),
    loadModel: (source, loadOptions = {}) => loadModel(source, loadOptions, options),
  };
}

async function loadModel(
  source: string | ModelSource,
  { threads, signal, ...rest }: LoadModelOptions,
  options: OnnxRuntimeNodeOptions,
): Promise<BackendModelV1> {
  checkThreads(threads);
  const { prefillChunk, kvCache, memory, spinning, prepacked = false, autoTune = false, cacheDirectory } = options;
  const givenThreads = threads ?? options.threads;
  const engine: EngineOptions = {
    ...(prefillChunk === undefined ? {} : { prefillChunk }),
    ...(kvCache === undefined ? {} : { kvCache }),
    ...(memory === undefined ? {} : { memory }),
    ...rest,
    ...(prepacked === false ? {} : { prepacked }),
    ...(autoTune === false ? {} : { autoTune: autoTune === true ? 'measure' : autoTune }),
    ...(cacheDirectory === undefined ? {} : { cacheDirectory }),
    ...(givenThreads === undefined ? {} : { threads: givenThreads }),
    ...(spinning === undefined ? {} : { spinning }),
  };
  const files = typeof source === 'string' ? new DirectorySource(source) : source;
  const { worker = true } = options;
  if (worker === false || !(files instanceof DirectorySource)) return loadFrom(files, engine, signal);
  const file = worker === true ? undefined : worker;
  return loadInWorker({ directory: files.name, engine }, { file, signal });
}

async function probe({ threads }: OnnxRuntimeNodeOptions): Promise<BackendReport> {
  try {
    const { env } = await importRuntime();
    const version = env.versions.node ?? env.versions.common;
    return { available: true, version, devices: ['cpu'], threads: threads ?? defaultThreads() };
  } catch (error) {
    return { available: false, reason: error instanceof Error ? error.message : String(error), devices: [] };
  }
}

function checkThreads(threads: number | undefined): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `threads must be a whole number of at least 1, received ${threads}`,
    );
  }
}
