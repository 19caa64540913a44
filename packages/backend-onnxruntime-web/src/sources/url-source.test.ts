import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { UrlSource } from './url-source.js';

/** Bytes that differ from place to place. */
const CONTENT = Uint8Array.from({ length: 30_000 }, (_, i) => (i * 2654435761) >>> 24);
const JSON_TEXT = JSON.stringify({ values: Array.from({ length: 1000 }, (_, i) => i) });

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A host that sends sizes and ranges, as most do. */
const goodHost: Answer = (request, response) => {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const bytes = range === null ? CONTENT : CONTENT.subarray(Number(range[1]), Number(range[2]) + 1);
  response.writeHead(range === null ? 200 : 206, { 'Content-Length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
};

describe('a model at an address', () => {
  const closing: (() => void)[] = [];
  const asked: string[] = [];

  afterEach(() => {
    for (const close of closing.splice(0)) close();
    asked.length = 0;
  });

  async function serve(answer: Answer): Promise<string> {
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/a b`;
  }

  it('is read as one stream while reads follow each other, and by ranges elsewhere', async () => {
    const source = new UrlSource(await serve(goodHost));
    const file = await source.open('onnx/x.onnx_data');
    expect(file.size).toBe(CONTENT.length);
    for (let offset = 0; offset < CONTENT.length; offset += 10_000) {
      expect(await file.read(offset, 10_000)).toEqual(CONTENT.slice(offset, offset + 10_000));
    }
    expect(await file.read(5, 7)).toEqual(CONTENT.slice(5, 12));
    await expect(file.read(CONTENT.length - 1, 2)).rejects.toMatchObject({ code: 'MODEL_FILE_SIZE' });
    await file.close();
    const path = '/models/a%20b/onnx/x.onnx_data';
    expect(asked).toEqual([`HEAD ${path}`, `GET ${path}`, `GET ${path} bytes=5-11`]);
  });

  it('is read from servers that refuse HEAD, give no ranges, or do not tell a size', async () => {
    const withoutHead = new UrlSource(
      await serve((request, response) => {
        if (request.method === 'HEAD') response.writeHead(501).end();
        else goodHost(request, response);
      }),
    );
    const withoutRanges = new UrlSource(
      await serve((request, response) => {
        delete request.headers.range;
        goodHost(request, response);
      }),
    );
    const chunked = new UrlSource(
      await serve((request, response) => {
        response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
        response.end(request.method === 'HEAD' ? undefined : CONTENT);
      }),
    );
    const compressed = new UrlSource(
      await serve((request, response) => {
        const bytes = gzipSync(CONTENT);
        response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': bytes.length });
        response.end(request.method === 'HEAD' ? undefined : bytes);
      }),
    );
    for (const source of [withoutHead, withoutRanges, chunked, compressed]) {
      const file = await source.open('embed_tokens.safetensors');
      expect(file.size).toBe(CONTENT.length);
      expect(await file.read(1000, 16)).toEqual(CONTENT.slice(1000, 1016));
      expect(await file.read(0, CONTENT.length)).toEqual(CONTENT);
      await file.close();
    }
  });

  it('keeps settings, whose size compression hides', async () => {
    const source = new UrlSource(
      await serve((_, response) => {
        response.writeHead(200, { 'Content-Encoding': 'gzip' });
        response.end(gzipSync(JSON_TEXT));
      }),
    );
    for (let i = 0; i < 2; i++) {
      const file = await source.open('config.json');
      expect(new TextDecoder().decode(await file.read(0, file.size))).toBe(JSON_TEXT);
    }
    expect(asked).toHaveLength(1);
  });

  it('names files that are not there, also where a server gives its page instead', async () => {
    const absent = new UrlSource(await serve((_, response) => response.writeHead(404).end()));
    const page = new UrlSource(
      await serve((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>home')),
    );
    for (const source of [absent, page]) {
      for (const path of ['tokenizer.json', 'onnx/x.onnx']) {
        await expect(source.open(path)).rejects.toMatchObject({ code: 'MODEL_FILE_MISSING', details: { path } });
      }
    }
    for (const path of ['../secret', '/etc/passwd', 'a//b', 'https://elsewhere/x', 'a\\b', '.', '']) {
      await expect(absent.open(path)).rejects.toMatchObject({ code: 'MODEL_EXTERNAL_PATH' });
    }
  });

  it('says that the same may work later when the server or the connection fails', async () => {
    const broken = await serve((_, response) => response.writeHead(503).end());
    const failure = { name: 'BackendError', code: 'BACKEND_FAILED', isRetryable: true };
    await expect(new UrlSource(broken).open('config.json')).rejects.toMatchObject(failure);
    const cut = new UrlSource(
      await serve((request, response) => {
        response.writeHead(200, { 'Content-Length': CONTENT.length });
        if (request.method === 'HEAD') return void response.end();
        response.write(CONTENT.subarray(0, 1000), () => response.destroy());
      }),
    );
    const file = await cut.open('onnx/x.onnx_data');
    await expect(file.read(0, CONTENT.length)).rejects.toMatchObject(failure);
    closing.splice(0).forEach((close) => close());
    await expect(new UrlSource(broken).open('config.json')).rejects.toMatchObject(failure);
  });

  it('ends requests on a signal', async () => {
    const controller = new AbortController();
    const source = new UrlSource(await serve(() => controller.abort()), { signal: controller.signal });
    await expect(source.open('config.json')).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('refuses an address that is none', () => {
    expect(() => new UrlSource('model')).toThrow(expect.objectContaining({ code: 'ARGUMENT_TYPE' }));
  });
});
