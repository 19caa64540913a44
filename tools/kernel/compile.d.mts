/** The binary that a kernel's source file compiles to: the same bytes for the same compiler. */
export function compileKernel(source: URL | string): Promise<Uint8Array>;
