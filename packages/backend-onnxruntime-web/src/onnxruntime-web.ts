import type {
  BackendCapabilities,
  BackendModelV1,
  BackendReport,
  BackendV1,
  LoadModelOptions,
  ModelSource,
} from '@pocketlens/backend';
import { chooseParts } from '@pocketlens/backend-onnx';
import type { Manifest, ModelPart } from '@pocketlens/backend-onnx';
import type * as NodeFiles from '@pocketlens/backend-onnx/node';
import { importRuntime } from './engine/engine.js';
import { defaultThreads, hasWorkers, isNode, whyNoThreads, whyUnavailable } from './environment.js';
import type { ThreadPlace } from './environment.js';
import { deviceMissing, loadInThisThread } from './load.js';
import type { LoadSettings } from './load.js';
import { checkThreads, devicePreference } from './options.js';
import type { OnnxRuntimeWebOptions, WebDevice, WebWarning } from './options.js';
import { withProgress } from './read-progress.js';
import { UrlSource } from './sources/url-source.js';
import { loadInWorker } from './worker/load-in-worker.js';

/** What this browser offers. */
export interface WebBackendReport extends BackendReport {
  readonly devices: readonly WebDevice[];
  /** Why devices are not there, and why there is one thread only, by name. */
  readonly missing: Readonly<Partial<Record<WebDevice | 'threads', string>>>;
}

export interface WebBackend extends BackendV1 {
  probe(): Promise<WebBackendReport>;
  /**
   * Loads a model from a source, or from an address: absolute, or relative to the page. In Node.js a text without a
   * scheme is a folder.
   */
  loadModel(source: string | ModelSource, options?: LoadModelOptions): Promise<BackendModelV1>;
}

/**
 * Backend on onnxruntime-web, for browsers: WebAssembly with SIMD, with threads where the page is cross-origin isolated;
 * WebGPU where it is asked for and there is an adapter. It runs in Node.js too, on WebAssembly.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for a number of threads below 1, or an unknown device
 */
export function onnxruntimeWeb(options: OnnxRuntimeWebOptions = {}): WebBackend {
  checkThreads(options.threads);
  devicePreference(options);
  return {
    specificationVersion: 'v1',
    name: 'onnxruntime-web',
    probe: () => probe(options),
    loadModel: (source, loadOptions = {}) => loadModel(source, loadOptions, options),
  };
}

async function loadModel(
  from: string | ModelSource,
  { threads: wanted, signal, ...rest }: LoadModelOptions,
  options: OnnxRuntimeWebOptions,
): Promise<BackendModelV1> {
  checkThreads(wanted);
  const { prefillChunk, kvCache, memory, wasmPaths, onProgress, onWarning = warnOnConsole } = options;
  const device = await chooseDevice(options, onWarning);
  const settings: LoadSettings = {
    ...(prefillChunk === undefined ? {} : { prefillChunk }),
    ...(kvCache === undefined ? {} : { kvCache }),
    ...(memory === undefined ? {} : { memory }),
    ...rest,
    ...(wasmPaths === undefined ? {} : { wasmPaths }),
    device,
    threads: possibleThreads(wanted ?? options.threads, options, onWarning),
  };
  const opened = typeof from === 'string' ? await openAddress(from, signal) : from;
  const source = onProgress === undefined ? opened : await withProgress(opened, partsFor(settings), onProgress);
  const { worker = hasWorkers() } = options;
  const model =
    worker === false || isNode()
      ? await loadInThisThread(source, settings, { signal, onWarning })
      : await loadInWorker(source, settings, { worker, signal, onWarning });
  warnOfSlowWeights(model.capabilities, onWarning);
  return model;
}

/** The engine has no kernel for 4-bit weights on WebAssembly: it unpacks all of them at every step. */
function warnOfSlowWeights({ dtype, device }: BackendCapabilities, onWarning: (warning: WebWarning) => void): void {
  if (device !== 'wasm' || !dtype.startsWith('q4')) return;
  const message = `${dtype} weights are slow on WebAssembly: convert the model to int8, or use WebGPU`;
  onWarning({ code: 'DTYPE_SLOW', message });
}

/** The first device that is there. A list that has others left goes on to them, and says so. */
async function chooseDevice(
  options: OnnxRuntimeWebOptions,
  onWarning: (warning: WebWarning) => void,
): Promise<WebDevice> {
  const preference = devicePreference(options);
  for (const [index, device] of preference.entries()) {
    const reason = await whyUnavailable(device);
    if (reason === undefined) return device;
    const next = preference[index + 1];
    if (next === undefined) throw deviceMissing(device, reason);
    if (device === 'webgpu') {
      onWarning({ code: 'WEBGPU_UNAVAILABLE', message: `${reason}: the model runs on ${next}` });
    }
  }
  return preference[0];
}

function possibleThreads(
  wanted: number | undefined,
  place: ThreadPlace,
  onWarning: (warning: WebWarning) => void,
): number {
  if (wanted === undefined) return defaultThreads(place);
  const reason = whyNoThreads(place);
  if (wanted === 1 || reason === undefined) return wanted;
  onWarning({ code: 'THREADS_UNAVAILABLE', message: `one thread instead of ${wanted}: ${reason}` });
  return 1;
}

function partsFor(options: LoadModelOptions): (manifest: Manifest) => readonly ModelPart[] {
  return (manifest) => {
    const { vision, embeddings, decoder, prefillDecoder } = chooseParts(manifest, options);
    return [vision, embeddings, decoder, ...(prefillDecoder === undefined ? [] : [prefillDecoder])];
  };
}

const HAS_SCHEME = /^[a-z][a-z0-9+.-]+:/i;
/** Files of Node.js, which bundlers for browsers should not follow. */
const NODE_SOURCE: string = '@pocketlens/backend-onnx/node';

async function openAddress(address: string, signal: AbortSignal | undefined): Promise<ModelSource> {
  if (!isNode() || HAS_SCHEME.test(address)) return new UrlSource(address, signal === undefined ? {} : { signal });
  const { DirectorySource } = (await import(/* @vite-ignore */ NODE_SOURCE)) as typeof NodeFiles;
  return new DirectorySource(address);
}

async function probe(options: OnnxRuntimeWebOptions): Promise<WebBackendReport> {
  const reasons = {
    wasm: await whyUnavailable('wasm'),
    webgpu: await whyUnavailable('webgpu'),
    threads: whyNoThreads(options),
  };
  const missing = Object.fromEntries(Object.entries(reasons).filter(([, reason]) => reason !== undefined));
  const devices = (['wasm', 'webgpu'] as const).filter((device) => reasons[device] === undefined);
  const usable = devicePreference(options).find((device) => devices.includes(device));
  const none = devicePreference(options)
    .map((device) => reasons[device])
    .join('; ');
  const facts = { devices, missing };
  if (usable === undefined) return { ...facts, available: false, reason: none };
  try {
    const { env } = await importRuntime(usable);
    const threads = reasons.threads === undefined ? (options.threads ?? defaultThreads(options)) : 1;
    return { ...facts, available: true, version: env.versions.web ?? env.versions.common, threads };
  } catch (error) {
    return { ...facts, available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function warnOnConsole({ message }: WebWarning): void {
  // oxlint-disable-next-line no-console -- what is not handled must not be silent
  console.warn(`pocketlens: ${message}`);
}
