import { BackendError, isPocketlensError, throwIfAborted } from '@pocketlens/backend';
import type { ModelSource } from '@pocketlens/backend';
import { withAttentionBias } from '@pocketlens/backend-onnx';
import type { GraphFile, OpenGraph } from '@pocketlens/backend-onnx';
import type { InferenceSession } from 'onnxruntime-web';
import type { WebDevice } from '../options.js';
import type { Engine } from './engine.js';
import { Queue } from './queue.js';

/** ONNX Runtime's severity scale: 3 = errors only. */
const LOG_ERRORS_ONLY = 3;
/** A signal is seen, and progress told, between pieces of this size. */
const PIECE_BYTES = 1024 * 1024;
/** The address space of 32-bit WebAssembly, less what the engine itself and activations need. */
const MOST_WEIGHT_BYTES = 3.5 * 1024 ** 3;

export interface OpenGraphOptions {
  readonly device: WebDevice;
  readonly signal?: AbortSignal | undefined;
}

/** Opens graphs with their weights in the memory of WebAssembly. */
export function graphOpener({ runtime, provider }: Engine, { device, signal }: OpenGraphOptions): OpenGraph {
  const queue = queueOf(runtime);
  return async (graph) => {
    const original = graph.content ?? (await readWhole(graph.source, graph.path, signal));
    // WebGPU's attention knows no masks of keys.
    const content = device === 'webgpu' ? withAttentionBias(original) : original;
    const externalData = await readExternalData(graph, signal);
    try {
      const session = await queue.add(() =>
        runtime.InferenceSession.create(content, {
          executionProviders: [provider],
          executionMode: 'sequential',
          graphOptimizationLevel: 'all',
          logSeverityLevel: LOG_ERRORS_ONLY,
          externalData,
        }),
      );
      return oneAtATime(session, queue);
    } catch (cause) {
      throw cannotOpen(graph, device, cause);
    }
  };
}

const queues = new WeakMap<object, Queue>();

/** One queue for all sessions of an engine: while WebGPU works, its WebAssembly must not be entered again. */
function queueOf(runtime: object): Queue {
  const queue = queues.get(runtime) ?? new Queue();
  queues.set(runtime, queue);
  return queue;
}

function oneAtATime(session: InferenceSession, queue: Queue): InferenceSession {
  return Object.create(session, {
    run: { value: (feeds: InferenceSession.FeedsType) => queue.add(() => session.run(feeds)) },
    release: { value: () => queue.add(() => session.release()) },
    inputNames: { value: session.inputNames },
    outputNames: { value: session.outputNames },
  }) as InferenceSession;
}

async function readExternalData(
  { source, path, externalData }: GraphFile,
  signal: AbortSignal | undefined,
): Promise<{ readonly path: string; readonly data: Uint8Array }[]> {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const read = [];
  for (const file of externalData) {
    // The graph names its data by paths that start where the graph lies.
    const name = file.startsWith(folder) ? file.slice(folder.length) : file;
    read.push({ path: name, data: await readWhole(source, file, signal) });
  }
  return read;
}

async function readWhole(source: ModelSource, path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const file = await source.open(path);
  try {
    const { size } = file;
    if (size > MOST_WEIGHT_BYTES) throw tooLarge(source, path, size);
    const bytes = new Uint8Array(size);
    for (let offset = 0; offset < size; offset += PIECE_BYTES) {
      throwIfAborted(signal);
      bytes.set(await file.read(offset, Math.min(PIECE_BYTES, size - offset)), offset);
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function tooLarge(source: ModelSource, path: string, size: number): BackendError {
  return new BackendError(
    'BACKEND_UNSUPPORTED',
    `${path} in ${source.name} has ${size} bytes; WebAssembly holds ${MOST_WEIGHT_BYTES} at most`,
    {
      hint: 'Use a smaller model or storage type, or run it with a server and ask that.',
      details: { path, size, limit: MOST_WEIGHT_BYTES },
    },
  );
}

function cannotOpen({ source, path }: GraphFile, device: WebDevice, cause: unknown): Error {
  if (isPocketlensError(cause)) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/no available backend found|wasm streaming|failed to fetch|initializ/i.test(text)) {
    return new BackendError('BACKEND_MISSING', `onnxruntime-web cannot start on ${device}`, {
      cause,
      hint: 'Its .mjs and .wasm files must be where { wasmPaths } says, or where the bundler has put them.',
      details: { device },
    });
  }
  if (/bad_alloc|out of memory|memory access out of bounds|Cannot enlarge|OOM/i.test(text)) {
    return new BackendError('BACKEND_FAILED', `there is not enough memory for ${path} in ${source.name}`, {
      cause,
      hint: "Use a smaller storage type, or { memory: 'low' }; 32-bit WebAssembly has 4 GiB at most.",
      details: { path },
    });
  }
  return new BackendError('BACKEND_FAILED', `${path} in ${source.name} cannot be opened as an ONNX graph`, {
    cause,
    hint: 'The file is damaged, or made for another runtime: convert or download the model again.',
    details: { path },
  });
}
