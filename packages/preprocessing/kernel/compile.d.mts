/** The binary that `resample.ts` compiles to: the same bytes for the same compiler. */
export function compileKernel(): Promise<Uint8Array>;
