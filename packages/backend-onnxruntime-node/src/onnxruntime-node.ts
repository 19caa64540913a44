import { availableParallelism } from 'node:os';
import { BackendError, InvalidArgumentError } from '@pocketlens/backend';
import type { BackendModelV1, BackendReport, BackendV1, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { loadOnnxModel } from '@pocketlens/backend-onnx';
import type { OpenGraph } from '@pocketlens/backend-onnx';
import type * as OnnxRuntimeNode from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import { DirectorySource } from './directory-source.js';
import { verifyModel } from './verify.js';

type OnnxRuntime = typeof OnnxRuntimeNode;

/** More threads cost more in waiting than they give for the matrices of these models. */
const MOST_DEFAULT_THREADS = 8;
/** ONNX Runtime's severity scale: 3 = errors only, so that nothing else reaches stderr. */
const LOG_ERRORS_ONLY = 3;

export interface OnnxRuntimeNodeOptions {
  /** Threads of one graph; default: the cores that this process may use, at most 8. */
  readonly threads?: number;
  /** Threads wait by spinning: a little faster on an idle machine, much slower on a busy one. Default false. */
  readonly spinning?: boolean;
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
  { threads = undefined, verify = false, ...rest }: LoadModelOptions,
  options: OnnxRuntimeNodeOptions,
): Promise<BackendModelV1> {
  checkThreads(threads);
  const runtime = await importRuntime();
  const files = typeof source === 'string' ? new DirectorySource(source) : source;
  if (verify) await verifyModel(files, rest.signal === undefined ? {} : { signal: rest.signal });
  const session = sessionOptions(threads ?? options.threads ?? defaultThreads(), options.spinning ?? false);
  return loadOnnxModel(files, { ...rest, device: 'cpu', openGraph: graphOpener(runtime, session) });
}

function graphOpener(runtime: OnnxRuntime, options: InferenceSession.SessionOptions): OpenGraph {
  return async ({ source, path }) => {
    const located = source.locate?.(path);
    if (located === undefined) {
      throw new BackendError('BACKEND_UNSUPPORTED', `onnxruntime-node opens graphs by path; ${source.name} has none`);
    }
    try {
      return await runtime.InferenceSession.create(located, options);
    } catch (cause) {
      throw new BackendError('BACKEND_FAILED', `${path} in ${source.name} cannot be opened as an ONNX graph`, {
        cause,
        hint: 'The file is damaged, or made for another runtime: convert or download the model again.',
        details: { path },
      });
    }
  };
}

function sessionOptions(threads: number, spinning: boolean): InferenceSession.SessionOptions {
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

async function probe({ threads }: OnnxRuntimeNodeOptions): Promise<BackendReport> {
  try {
    const { env } = await importRuntime();
    const version = env.versions.node ?? env.versions.common;
    return { available: true, version, devices: ['cpu'], threads: threads ?? defaultThreads() };
  } catch (error) {
    return { available: false, reason: error instanceof Error ? error.message : String(error), devices: [] };
  }
}

/** The native library is loaded when it is first needed, so that a machine without it can still ask `probe()`. */
async function importRuntime(): Promise<OnnxRuntime> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new BackendError(
      'BACKEND_MISSING',
      `onnxruntime-node cannot be loaded on ${process.platform} ${process.arch}`,
      {
        cause,
        hint: 'Run `npm i onnxruntime-node`; it has binaries for Linux, macOS and Windows on x64 and arm64.',
      },
    );
  }
}

function defaultThreads(): number {
  return Math.min(availableParallelism(), MOST_DEFAULT_THREADS);
}

function checkThreads(threads: number | undefined): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `threads must be a whole number of at least 1, received ${threads}`,
    );
  }
}
