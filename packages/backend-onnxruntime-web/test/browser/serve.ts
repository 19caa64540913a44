import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.png': 'image/png',
};

const PAGE = '<!doctype html><meta charset="utf-8"><title>page</title><script type="module" src="page.js"></script>';

export interface Site {
  readonly address: string;
  close(): Promise<void>;
}

/** A static site, as any host serves one: folders by the start of the path, with or without isolation of the page. */
export async function serveSite(
  folders: Readonly<Record<string, string>>,
  { isolated }: { readonly isolated: boolean },
): Promise<Site> {
  const headers = isolated
    ? { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
    : {};
  const server = createServer((request, response) => {
    void answer(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)).then((file) => {
      if (file === undefined) return void response.writeHead(404, headers).end('nothing here');
      if (typeof file === 'string') {
        return void response.writeHead(200, { ...headers, 'Content-Type': TYPES['.html'] }).end(file);
      }
      const type = TYPES[path.extname(file.path)] ?? 'application/octet-stream';
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
      const [start, end] = range === null ? [0, file.size - 1] : [Number(range[1]), Number(range[2])];
      response.writeHead(range === null ? 200 : 206, {
        ...headers,
        'Content-Type': type,
        'Content-Length': end - start + 1,
      });
      if (request.method === 'HEAD' || file.size === 0) response.end();
      else createReadStream(file.path, { start, end }).pipe(response);
    });
  });

  async function answer(pathname: string): Promise<string | { path: string; size: number } | undefined> {
    if (pathname === '/') return PAGE;
    const prefix = Object.keys(folders).find((start) => pathname.startsWith(start));
    if (prefix === undefined || pathname.includes('..')) return undefined;
    const file = path.join(folders[prefix]!, pathname.slice(prefix.length));
    const status = await stat(file).catch(() => undefined);
    return status?.isFile() === true ? { path: file, size: status.size } : undefined;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
