import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const packages = path.resolve(here, '../../..');
/** Both builds of the engine: for WebAssembly alone, and with WebGPU. */
const ENGINE_FILES = ['', '.asyncify'].flatMap((build) =>
  ['mjs', 'wasm'].map((extension) => `ort-wasm-simd-threaded${build}.${extension}`),
);

/** Bundles a page and the worker for browsers, and puts the engine's files beside them, as a static site has them. */
export async function bundlePage(folder: string): Promise<void> {
  await build({
    entryPoints: { page: path.join(here, 'page.ts'), worker: path.join(here, '../../src/worker/entry.ts') },
    outdir: folder,
    bundle: true,
    format: 'esm',
    splitting: true,
    platform: 'browser',
    target: 'es2022',
    conditions: ['@pocketlens/source'],
    alias: { '@pocketlens/preprocessing': path.join(packages, 'preprocessing/src/browser.ts') },
    // Reached in Node.js only, by the part of the runtime that finds models on disk.
    external: ['node:*'],
    logLevel: 'silent',
  });
  const engine = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  await mkdir(path.join(folder, 'engine'), { recursive: true });
  for (const file of ENGINE_FILES) await copyFile(path.join(engine, file), path.join(folder, 'engine', file));
}
