import { BackendError } from '@pocketlens/backend';
import type { BackendModelV1, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { loadOnnxModel } from '@pocketlens/backend-onnx';
import type { OpenGraph } from '@pocketlens/backend-onnx';
import { DirectorySource } from './directory-source.js';
import { prepackedOpener } from './prepacked/open-prepacked.js';
import type { OpenPrepacked } from './prepacked/open-prepacked.js';
import { PrepackedCache } from './prepacked/prepacked-cache.js';
import { createSession } from './create-session.js';
import type { SessionOptions } from './create-session.js';
import { importRuntime } from './runtime.js';
import type { OnnxRuntime } from './runtime.js';
import { verifyModel } from './verify.js';

/** ONNX Runtime's severity scale: 3 = errors only, so that nothing else reaches stderr. */
const LOG_ERRORS_ONLY = 3;

/** What a load needs besides the files; plain data, so that it can be sent to a thread. */
export interface EngineOptions extends Omit<LoadModelOptions, 'signal' | 'threads'> {
  readonly threads: number;
  readonly spinning: boolean;
  /** Cache directory of weights packed for this machine, or the usual one. */
  readonly prepacked?: true | string;
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

/** Loads a model from any source, in the thread that calls. */
export async function loadFrom(
  source: ModelSource,
  { threads, spinning, verify = false, prepacked, ...rest }: EngineOptions,
  signal: AbortSignal | undefined,
): Promise<BackendModelV1> {
  const limits = signal === undefined ? {} : { signal };
  const runtime = await importRuntime();
  if (verify) await verifyModel(source, limits);
  const cache = prepacked === undefined ? undefined : new PrepackedCache(prepacked === true ? undefined : prepacked);
  const openPrepacked = cache === undefined ? undefined : await prepackedOpener(runtime, cache, source);
  const openGraph = graphOpener(runtime, sessionOptions(threads, spinning), openPrepacked);
  return loadOnnxModel(source, { ...rest, ...limits, device: 'cpu', openGraph });
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

function sessionOptions(threads: number, spinning: boolean): SessionOptions {
  return {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: LOG_ERRORS_ONLY,
    extra: { session: { intra_op: { allow_spinning: spinning ? '1' : '0' } } },
  };
}
