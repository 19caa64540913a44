import type { WeightDtype } from '../tensors/float.js';
import { KERNEL_BASE64 } from './kernel-binary.js';

/** The compiled kernel with its memory. Addresses and lengths are in bytes; the sources in `kernel/` say what each one is. */
export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  quantizeBlocks(
    source: number,
    dtype: number,
    blocks: number,
    blockSize: number,
    isSearching: number,
    scratch: number,
    codes: number,
    scales: number,
    zeroPoints: number,
  ): number;
  quantizeRow(source: number, dtype: number, length: number, codes: number, scale: number): number;
}

/** Types of weights as the kernel numbers them. */
export const KERNEL_DTYPES: Readonly<Record<WeightDtype, number>> = { F32: 0, F16: 1, BF16: 2 };

/** The kernel reads and writes whole vectors. */
export const VECTOR_BYTES = 16;

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const PAGE_BYTES = 65_536;

/** Undefined until it is first needed; null where WebAssembly or its SIMD is missing. */
let kernel: Kernel | null | undefined;

/** This thread's kernel with at least `bytes` of memory; null where there is none, or not that much memory. */
export function kernelWith(bytes: number): Kernel | null {
  if (kernel === undefined) kernel = createKernel();
  const missing = bytes - (kernel?.memory.buffer.byteLength ?? bytes);
  try {
    if (missing > 0) kernel?.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return kernel;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function createKernel(): Kernel | null {
  try {
    // Neither Node's types nor ES2023 know it; where it is missing, so is the property.
    const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
    // What kernel/index.ts exports.
    return new Instance(new Module(Buffer.from(KERNEL_BASE64, 'base64'))).exports as Kernel;
  } catch {
    return null;
  }
}
