import { AbortError, BackendError, InvalidArgumentError } from '@pocketlens/backend';
import type { BackendModelV1, BackendWarning, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { loadOnnxModel } from '@pocketlens/backend-onnx';
import type { OpenGraph } from '@pocketlens/backend-onnx';
import { DirectorySource } from '@pocketlens/backend-onnx/node';
import { prepackedOpener } from './prepacked/open-prepacked.js';
import type { OpenPrepacked } from './prepacked/open-prepacked.js';
import { PrepackedCache } from './prepacked/prepacked-cache.js';
import { createSession } from './create-session.js';
import type { SessionOptions } from './create-session.js';
import { defaultThreads } from './default-threads.js';
import { firstLine, type NodeDevice, tryDevice } from './devices.js';
import { importRuntime } from './runtime.js';
import type { OnnxRuntime } from './runtime.js';
import { sessionOptions } from './session-options.js';
import { findOrTune } from './tuning/model-tuning.js';
import type { Tuning } from './tuning/tuning.js';
import { verifyModel } from './verify.js';

/** What a load needs besides the files; plain data, so that it can be sent to a thread. */
export interface EngineOptions extends Omit<LoadModelOptions, 'signal'> {
  readonly spinning?: boolean;
  /** In the order of preference; default: the processor. */
  readonly devices?: readonly NodeDevice[];
  /** Cache directory of weights packed for this machine, or the usual one. */
  readonly prepacked?: true | string;
  /** Whether settings that are not given are chosen by measuring, or only as it was done before. */
  readonly autoTune?: 'measure' | 'cached';
  readonly cacheDirectory?: string;
}

/** A load from a folder, as it is sent to a thread. */
export interface DirectoryLoad {
  readonly directory: string;
  readonly engine: EngineOptions;
}

/** Loads a model from a folder, in the thread that calls. */
export function loadInThisThread({
  directory,
  engine,
  signal,
}: DirectoryLoad & { readonly signal?: AbortSignal | undefined }): Promise<BackendModelV1> {
  return loadFrom(new DirectorySource(directory), engine, signal);
}

/**
 * Loads a model from any source, in the thread that calls, on the first device that can be used. The model's warnings tell
 * which ones could not.
 *
 * @throws {BackendError} `BACKEND_UNSUPPORTED` when the last device cannot be used
 */
export async function loadFrom(
  source: ModelSource,
  { verify = false, devices = ['cpu'], ...engine }: EngineOptions,
  signal: AbortSignal | undefined,
): Promise<BackendModelV1> {
  const runtime = await importRuntime();
  if (verify) await verifyModel(source, signal === undefined ? {} : { signal });
  const warnings: BackendWarning[] = [];
  for (const [at, device] of devices.entries()) {
    const next = devices[at + 1];
    const loaded = await loadOn(device, { runtime, source, engine, signal, warnings });
    if (!('reason' in loaded)) return loaded.model;
    if (next === undefined) throw unusable(device, loaded);
    warnings.push({
      code: 'DEVICE_UNAVAILABLE',
      message: `${device} cannot be used (${loaded.reason}): ${next} is tried`,
    });
  }
  throw new InvalidArgumentError('ARGUMENT_RANGE', 'devices must not be empty');
}

interface DeviceLoad {
  readonly runtime: OnnxRuntime;
  readonly source: ModelSource;
  readonly engine: Omit<EngineOptions, 'verify' | 'devices'>;
  readonly signal: AbortSignal | undefined;
  readonly warnings: readonly BackendWarning[];
}

type Loaded = { readonly model: BackendModelV1 } | { readonly reason: string; readonly cause?: unknown };

async function loadOn(device: NodeDevice, load: DeviceLoad): Promise<Loaded> {
  if (device === 'cpu') return { model: await loadOnCpu(load) };
  const { runtime, source, engine, signal, warnings } = load;
  const reason = await tryDevice(device, runtime);
  if (reason !== undefined) return { reason };
  // Packed weights and measured settings are the processor's.
  const {
    threads = defaultThreads(),
    spinning = false,
    prepacked: _,
    autoTune: __,
    cacheDirectory: ___,
    ...rest
  } = engine;
  const openGraph = graphOpener(runtime, sessionOptions({ threads, spinning }, device), undefined);
  try {
    const limits = signal === undefined ? {} : { signal };
    return { model: await loadOnnxModel(source, { ...rest, ...limits, device, openGraph, warnings }) };
  } catch (error) {
    // What is wrong with the files is told by their own errors.
    if (!(error instanceof BackendError)) throw error;
    return { reason: firstLine(error.cause ?? error), cause: error };
  }
}

async function loadOnCpu({ runtime, source, engine, signal, warnings }: DeviceLoad): Promise<BackendModelV1> {
  const { prepacked, spinning, autoTune, cacheDirectory, ...rest } = engine;
  const limits = signal === undefined ? {} : { signal };
  const cache =
    prepacked === undefined ? undefined : new PrepackedCache(prepacked === true ? cacheDirectory : prepacked);
  const openPrepacked = cache === undefined ? undefined : await prepackedOpener(runtime, cache, source);
  const given = { ...rest, ...(spinning === undefined ? {} : { spinning }) };
  const place = cacheDirectory === undefined ? {} : { cacheDirectory };
  const tuning =
    autoTune === undefined
      ? undefined
      : await orDefaults(findOrTune(source, { ...given, ...place, ...limits }, autoTune === 'measure'));
  const settings = sessionOptions({
    threads: rest.threads ?? tuning?.threads ?? defaultThreads(),
    spinning: spinning ?? tuning?.spinning ?? false,
  });
  return loadOnnxModel(source, {
    ...rest,
    ...limits,
    ...(tuning === undefined ? {} : { preferredChunk: tuning.prefillChunk }),
    device: 'cpu',
    openGraph: graphOpener(runtime, settings, openPrepacked),
    warnings,
  });
}

function unusable(device: NodeDevice, { reason, cause }: { reason: string; cause?: unknown }): BackendError {
  return new BackendError('BACKEND_UNSUPPORTED', `${device} was asked for and cannot be used: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `Use { device: ['${device}', 'cpu'] } to compute on the processor where there is no ${device}.`,
    details: { device },
  });
}

/** A model that cannot be measured is loaded as without; what is wrong with its files, loading tells. */
async function orDefaults(tuning: Promise<Tuning | undefined>): Promise<Tuning | undefined> {
  try {
    return await tuning;
  } catch (error) {
    if (error instanceof AbortError) throw error;
    return undefined;
  }
}

function graphOpener(
  runtime: OnnxRuntime,
  options: SessionOptions,
  openPrepacked: OpenPrepacked | undefined,
): OpenGraph {
  return async (graph) => {
    const { source, path } = graph;
    const located = source.locate?.(path);
    if (located === undefined) {
      throw new BackendError('BACKEND_UNSUPPORTED', `onnxruntime-node opens graphs by path; ${source.name} has none`);
    }
    try {
      const packed = await openPrepacked?.(graph, located, options);
      return packed ?? (await createSession(runtime, graph, located, options));
    } catch (cause) {
      throw new BackendError('BACKEND_FAILED', `${path} in ${source.name} cannot be opened as an ONNX graph`, {
        cause,
        hint: 'The file is damaged, or made for another runtime: convert or download the model again.',
        details: { path },
      });
    }
  };
}
