// Compiles the resampler's kernel to WebAssembly.
import { readFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const SOURCE = new URL('./resample.ts', import.meta.url);
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--initialMemory', '1'];

/** The binary that `resample.ts` compiles to: the same bytes for the same compiler. */
export async function compileKernel() {
  let binary;
  const { error, stderr } = await asc.main(['resample.ts', '--outFile', 'resample.wasm', ...OPTIONS], {
    readFile: (name) => (name === 'resample.ts' ? readFileSync(SOURCE, 'utf8') : null),
    writeFile: (name, contents) => void (name === 'resample.wasm' && (binary = contents)),
    listFiles: () => [],
  });
  if (error !== null || binary === undefined)
    throw new Error(`The kernel does not compile:\n${stderr}`, { cause: error });
  return binary;
}
