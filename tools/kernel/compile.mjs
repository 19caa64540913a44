// Compiles a kernel in AssemblyScript to WebAssembly with SIMD.
import { readFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--initialMemory', '1'];

/** The binary that a source file compiles to: the same bytes for the same compiler. */
export async function compileKernel(source) {
  let binary;
  const { error, stderr } = await asc.main(['kernel.ts', '--outFile', 'kernel.wasm', ...OPTIONS], {
    readFile: (name) => (name === 'kernel.ts' ? readFileSync(source, 'utf8') : null),
    writeFile: (name, contents) => void (name === 'kernel.wasm' && (binary = contents)),
    listFiles: () => [],
  });
  if (error !== null || binary === undefined)
    throw new Error(`The kernel does not compile:\n${stderr}`, { cause: error });
  return binary;
}
