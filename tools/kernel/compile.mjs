// Compiles a kernel in AssemblyScript to WebAssembly with SIMD.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--initialMemory', '1'];

/** The binary that a source file and what it imports compile to: the same bytes for the same compiler. */
export async function compileKernel(source) {
  const file = source instanceof URL ? fileURLToPath(source) : source;
  const read = (name) => {
    const imported = path.join(path.dirname(file), name);
    return existsSync(imported) ? readFileSync(imported, 'utf8') : null;
  };
  let binary;
  const { error, stderr } = await asc.main([path.basename(file), '--outFile', 'kernel.wasm', ...OPTIONS], {
    readFile: read,
    writeFile: (name, contents) => void (name === 'kernel.wasm' && (binary = contents)),
    listFiles: () => [],
  });
  if (error !== null || binary === undefined)
    throw new Error(`The kernel does not compile:\n${stderr}`, { cause: error });
  return binary;
}
