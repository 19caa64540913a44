import { InvalidArgumentError } from '@pocketlens/backend';
import type { BackendModelV1, BackendReport, BackendV1, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { defaultThreads } from './default-threads.js';
import { type DeviceChoice, devicePreference, DEVICES, type NodeDevice, tryDevice, whyNotOffered } from './devices.js';
import { DirectorySource } from '@pocketlens/backend-onnx/node';
import { loadFrom } from './load.js';
import type { EngineOptions } from './load.js';
import { importRuntime, type OnnxRuntime } from './runtime.js';
import { loadInWorker } from './worker/load-in-worker.js';

/** What this backend finds, with the reason for each device that is not there. */
export interface NodeBackendReport extends BackendReport {
  /** Devices that the installed package offers; whether there is such hardware shows when `device` names them. */
  readonly untried: readonly NodeDevice[];
  readonly missing: Readonly<Partial<Record<NodeDevice, string>>>;
}

/** The backend of `onnxruntimeNode`. */
export interface NodeBackend extends BackendV1 {
  probe(): Promise<NodeBackendReport>;
}

export interface OnnxRuntimeNodeOptions {
  /**
   * What computes. A list is an order of preference: the first that can be used is taken, and the model's `warnings` tell of
   * those that cannot. One name alone is a demand: `loadModel` throws `BACKEND_UNSUPPORTED` without it. Default `'cpu'`.
   */
  readonly device?: DeviceChoice;
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
 * Backend on the native ONNX Runtime for Node.js: on the CPU, or on a device that the installed package offers.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for a number of threads below 1, or an unknown device
 */
export function onnxruntimeNode(options: OnnxRuntimeNodeOptions = {}): NodeBackend {
  checkThreads(options.threads);
  devicePreference(options.device);
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
    devices: devicePreference(options.device),
  };
  const files = typeof source === 'string' ? new DirectorySource(source) : source;
  const { worker = true } = options;
  if (worker === false || !(files instanceof DirectorySource)) return loadFrom(files, engine, signal);
  const file = worker === true ? undefined : worker;
  return loadInWorker({ directory: files.name, engine }, { file, signal });
}

async function probe({ threads, device }: OnnxRuntimeNodeOptions): Promise<NodeBackendReport> {
  const asked = devicePreference(device);
  let runtime: OnnxRuntime;
  try {
    runtime = await importRuntime();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { available: false, reason, devices: [], untried: [], missing: {} };
  }
  const devices: NodeDevice[] = ['cpu'];
  const untried: NodeDevice[] = [];
  const missing: Partial<Record<NodeDevice, string>> = {};
  for (const one of DEVICES.filter((name) => name !== 'cpu')) {
    const isAsked = asked.includes(one);
    const reason = isAsked ? await tryDevice(one, runtime) : whyNotOffered(one, runtime);
    if (reason !== undefined) missing[one] = reason;
    else (isAsked ? devices : untried).push(one);
  }
  const { env } = runtime;
  const facts = { version: env.versions.node ?? env.versions.common, devices, untried, missing };
  if (asked.some((one) => devices.includes(one)))
    return { available: true, ...facts, threads: threads ?? defaultThreads() };
  return { available: false, reason: asked.map((one) => missing[one]).join('; '), ...facts };
}

function checkThreads(threads: number | undefined): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `threads must be a whole number of at least 1, received ${threads}`,
    );
  }
}
