import type { OnnxRuntimeWebOptions, WebDevice } from './options.js';

interface Gpu {
  requestAdapter(): Promise<unknown>;
}

/** What is looked at in the place where this runs; everything may be absent. */
interface Surroundings {
  readonly process?: { readonly versions?: { readonly node?: string }; readonly type?: string };
  readonly crossOriginIsolated?: boolean;
  readonly isSecureContext?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number; readonly gpu?: Gpu };
  readonly WebAssembly?: { validate(program: Uint8Array): boolean };
  readonly Worker?: unknown;
  readonly document?: unknown;
}

const here = (): Surroundings => globalThis as Surroundings;

/** True in Node.js; the pages of Electron are browsers. */
export function isNode(): boolean {
  const { process } = here();
  return process?.versions?.node !== undefined && process.type !== 'renderer';
}

/** True where a worker can be started in which a model runs. */
export function hasWorkers(): boolean {
  return here().Worker !== undefined && !isNode();
}

/** More threads cost more in waiting than they give for the matrices of these models. */
const MOST_DEFAULT_THREADS = 4;

/** The threads that are used when none are asked for: one where memory cannot be shared. */
export function defaultThreads(options: ThreadPlace): number {
  if (whyNoThreads(options) !== undefined) return 1;
  return Math.max(1, Math.min(MOST_DEFAULT_THREADS, here().navigator?.hardwareConcurrency ?? MOST_DEFAULT_THREADS));
}

/** Options that tell where the threads of the engine start, and from which file. */
export type ThreadPlace = Pick<OnnxRuntimeWebOptions, 'worker' | 'wasmPaths'>;

/** Why there is one thread only, in one sentence; undefined when there can be several. */
export function whyNoThreads({ worker, wasmPaths }: ThreadPlace): string | undefined {
  if (typeof SharedArrayBuffer === 'undefined' || (!isNode() && here().crossOriginIsolated !== true)) {
    return (
      'the page is not cross-origin isolated: it must be served with the headers ' +
      'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    );
  }
  // A thread starts with the file in which the engine's code is. In a bundle that file often imports the program, which
  // then fails in the thread, and the engine waits for ever.
  if (worker === false && wasmPaths === undefined && here().document !== undefined) {
    return 'in the page itself threads need { wasmPaths }, so that they do not start with the program of the page';
  }
  return undefined;
}

/** A program of one instruction, `i8x16.splat`, that only engines with 128-bit vectors accept. */
// oxfmt-ignore
const SIMD_PROGRAM = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
);

/** Why a device cannot be had here, in one sentence; undefined when it can. */
export async function whyUnavailable(device: WebDevice): Promise<string | undefined> {
  const { WebAssembly: assembly } = here();
  if (assembly === undefined) return 'there is no WebAssembly here';
  if (!assembly.validate(SIMD_PROGRAM)) return 'WebAssembly has no SIMD here';
  return device === 'webgpu' ? whyNoWebGpu() : undefined;
}

async function whyNoWebGpu(): Promise<string | undefined> {
  const gpu = here().navigator?.gpu;
  if (gpu === undefined) {
    const isInsecure = here().isSecureContext === false;
    return isInsecure ? 'WebGPU is offered to pages from https: or localhost only' : 'there is no WebGPU here';
  }
  try {
    const adapter = await gpu.requestAdapter();
    return adapter === null || adapter === undefined ? 'WebGPU has no adapter here' : undefined;
  } catch (error) {
    return `WebGPU gives no adapter: ${error instanceof Error ? error.message : String(error)}`;
  }
}
