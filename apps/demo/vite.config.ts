import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

const root = path.resolve(import.meta.dirname, '../..');
const modelFolder = path.join(
  path.dirname(createRequire(import.meta.url).resolve('@pocketlens/model-tiny/package.json')),
  'model',
);

/** Threads need a page that shares memory with no other origin. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Files from elsewhere in the repository that the page is served with, by their path beside it. */
async function carriedFiles(): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(modelFolder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const model = files.map((file): [string, string] => [
    `model/${path.relative(modelFolder, file).split(path.sep).join('/')}`,
    file,
  ]);
  return new Map([...model, ['examples/receipt.png', path.join(root, 'examples/receipt.png')]]);
}

/** Puts the embedded model and the example of the repository beside the page. */
function carry(): Plugin {
  return {
    name: 'pocketlens-carry',
    async generateBundle() {
      if (this.environment.name !== 'client') return;
      for (const [fileName, file] of await carriedFiles()) {
        this.emitFile({ type: 'asset', fileName, source: await readFile(file) });
      }
    },
    async configureServer(server) {
      const files = await carriedFiles();
      server.middlewares.use((request, response, next) => {
        const file = files.get(new URL(request.url ?? '/', 'http://localhost').pathname.slice(1));
        if (file === undefined) next();
        else createReadStream(file).pipe(response);
      });
    },
  };
}

const pwa = VitePWA({
  strategies: 'injectManifest',
  srcDir: 'src/offline',
  filename: 'service-worker.ts',
  injectRegister: false,
  manifest: {
    id: './',
    name: 'Pocketlens',
    short_name: 'Pocketlens',
    description: 'Ask questions about pictures. Everything happens on this device.',
    start_url: './',
    scope: './',
    display: 'standalone',
    background_color: '#0f1412',
    theme_color: '#0f1412',
    icons: [
      { src: 'icons/icon-192.png', sizes: '192x192', type: 'image/png' },
      { src: 'icons/icon-512.png', sizes: '512x512', type: 'image/png' },
      { src: 'icons/maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
    ],
  },
  injectManifest: {
    globPatterns: ['**/*'],
    // The engine for WebGPU is as large as all the rest: it is kept when it is first used.
    globIgnores: ['service-worker.js', '**/ort-wasm-simd-threaded.*-*.wasm'],
    maximumFileSizeToCacheInBytes: 256 * 1024 * 1024,
  },
});

// Packages are bundled from their source, so that the page needs no build of theirs.
// oxlint-disable-next-line import/no-default-export -- Vite reads the default export
export default defineConfig({
  base: './',
  root: import.meta.dirname,
  resolve: {
    conditions: ['@pocketlens/source', 'browser', 'module', 'import', 'default'],
    alias: {
      '@pocketlens/preprocessing': path.join(root, 'packages/preprocessing/src/browser.ts'),
    },
  },
  plugins: [react(), carry(), pwa],
  worker: { format: 'es' },
  build: { target: 'es2023', assetsInlineLimit: 0, chunkSizeWarningLimit: 4096 },
  server: { headers: ISOLATION },
  preview: { headers: ISOLATION },
});
