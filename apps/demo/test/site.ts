import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { preview } from 'vite';
import type { PreviewServer } from 'vite';

const configFile = path.join(import.meta.dirname, '../vite.config.ts');
const outDir = path.join(import.meta.dirname, '../.cache/test-site');

/** Where the page lies on the server: not at its root, as on many hosts. */
const FOLDER = '/some/folder/';

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Builds the page as `npm run build` does: in a process of its own, since tests run with another NODE_ENV. */
export async function buildSite(): Promise<void> {
  const vite = path.join(path.dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js');
  const options = ['build', '--config', configFile, '--logLevel', 'error', '--outDir', outDir, '--emptyOutDir'];
  await promisify(execFile)(process.execPath, [vite, ...options], { env: { ...process.env, NODE_ENV: 'production' } });
}

/** Serves what `buildSite` has built; `isolated` with the headers that threads need. */
export async function serveSite({ isolated }: { readonly isolated: boolean }): Promise<Site> {
  const headers = isolated
    ? {}
    : { 'Cross-Origin-Opener-Policy': 'unsafe-none', 'Cross-Origin-Embedder-Policy': 'unsafe-none' };
  const server: PreviewServer = await preview({
    configFile,
    logLevel: 'error',
    base: FOLDER,
    build: { outDir },
    preview: { port: 0, host: '127.0.0.1', headers },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { url: `http://127.0.0.1:${address.port}${FOLDER}`, close: () => server.close() };
}
