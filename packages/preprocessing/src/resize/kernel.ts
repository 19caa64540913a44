import { KERNEL_BASE64 } from './kernel-binary.js';

interface KernelMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): void;
}

/**
 * The compiled passes with a memory of their own, for one resize at a time. Addresses and lengths are in bytes; `kernel/resample.ts`
 * says what each one is.
 */
export interface Kernel {
  readonly memory: KernelMemory;
  resizeRowPair(
    source: number,
    sourceStride: number,
    target: number,
    targetStride: number,
    starts: number,
    weights: number,
    width: number,
    steps: number,
  ): void;
  normalizeRow(source: number, target: number, planeBytes: number, width: number, constants: number): void;
  blendRows(rows: number, weights: number, pairs: number, target: number, length: number): void;
}

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

// Neither Node's types nor ES2023 know it; where it is missing, so is the property.
const api = (): WebAssemblyApi => (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;

const PAGE_BYTES = 65_536;
/** A kernel whose memory grew beyond this is not kept: memory of WebAssembly never shrinks. */
const KEPT_BYTES = 16 * 1024 * 1024;
const KEPT_KERNELS = 4;

/** Undefined until it is first needed; null where WebAssembly or its SIMD is missing or forbidden. */
let compiled: object | null | undefined;
const idle: Kernel[] = [];

/** The compiled kernel, or null where WebAssembly is missing, knows no SIMD, or is forbidden by a content security policy. */
export const compileKernel = (): object | null => {
  try {
    const { Module } = api();
    return new Module(Uint8Array.from(atob(KERNEL_BASE64), (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
};

const createKernel = (): Kernel | null => {
  if (compiled === undefined) compiled = compileKernel();
  if (compiled === null) return null;
  const { Instance } = api();
  // What kernel/resample.ts exports.
  return new Instance(compiled).exports as Kernel;
};

/** A kernel with at least `bytes` of memory, or null where there is none; give it back with `releaseKernel`. */
export const acquireKernel = (bytes: number): Kernel | null => {
  try {
    const kernel = idle.pop() ?? createKernel();
    const missing = bytes - (kernel?.memory.buffer.byteLength ?? bytes);
    if (missing > 0) kernel?.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return kernel;
  } catch (error) {
    // That much memory cannot be had: the other resampler asks for it in smaller pieces.
    if (error instanceof RangeError) return null;
    throw error;
  }
};

/** Keeps a kernel for the next resize. Whoever gives it back no longer looks into its memory. */
export const releaseKernel = (kernel: Kernel): void => {
  if (idle.length < KEPT_KERNELS && kernel.memory.buffer.byteLength <= KEPT_BYTES) idle.push(kernel);
};
