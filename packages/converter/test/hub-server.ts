import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A file of the served repository; `lfs` ones are sent by a second host, as the hub's large files are. */
export interface ServedFile {
  readonly content: Uint8Array;
  readonly lfs?: boolean;
  /** What the listing says, where that is to be wrong. */
  readonly listed?: { readonly path?: string; readonly size?: number; readonly oid?: string };
}

export interface LoggedRequest {
  readonly host: 'hub' | 'cdn';
  readonly method: string;
  readonly url: string;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  status: number;
  /** Bytes of the body that were handed to the socket. */
  sent: number;
}

/** What is to go wrong with one answer. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Close the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Say nothing more after so many bytes of the body. */
  readonly stallAfter?: number;
  /** Content instead of the file's. */
  readonly content?: Uint8Array;
  readonly etag?: string;
  readonly ignoreRange?: boolean;
  /** Milliseconds before each 64 KiB. */
  readonly pace?: number;
}

export const COMMIT: string = 'c0ffee'.repeat(6) + 'beef';
const PIECE = 64 * 1024;

export const gitHash = (content: Uint8Array): string =>
  createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex');
export const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Bytes without a pattern that a shift would hide. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** A hub on this machine: the API, small files itself, large ones by redirection to a second server with its own ETags. */
export class HubServer {
  readonly repository = 'org/model';
  commit: string = COMMIT;
  readonly files = new Map<string, ServedFile>();
  readonly requests: LoggedRequest[] = [];
  /** Asked before each answer; `nth` counts the requests for the same URL path from 1. */
  fault: (request: LoggedRequest, nth: number) => Fault | undefined = () => undefined;
  /** Entries of one page of the listing. */
  pageSize = 1000;
  readonly #counts = new Map<string, number>();
  readonly #hub: Server;
  readonly #cdn: Server;

  constructor() {
    this.#hub = createServer((request, response) => {
      void this.#answer('hub', request.method ?? '', request.url ?? '', request.headers, response);
    });
    this.#cdn = createServer((request, response) => {
      void this.#answer('cdn', request.method ?? '', request.url ?? '', request.headers, response);
    });
  }

  static async start(files: Readonly<Record<string, ServedFile>>): Promise<HubServer> {
    const server = new HubServer();
    for (const [path, file] of Object.entries(files)) server.files.set(path, file);
    for (const listener of [server.#hub, server.#cdn]) await once(listener.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get cdn(): string {
    return `http://127.0.0.1:${(this.#cdn.address() as AddressInfo).port}`;
  }

  /** Requests that delivered a file's bytes. */
  transfers(path?: string): LoggedRequest[] {
    return this.requests.filter(
      (request) =>
        request.path !== undefined &&
        (path === undefined || request.path === path) &&
        [200, 206].includes(request.status),
    );
  }

  async stop(): Promise<void> {
    for (const listener of [this.#hub, this.#cdn]) {
      listener.closeAllConnections();
      if (listener.listening) await new Promise((resolve) => listener.close(resolve));
    }
  }

  async #answer(
    host: 'hub' | 'cdn',
    method: string,
    target: string,
    headers: IncomingHttpHeaders,
    response: ServerResponse,
  ): Promise<void> {
    const url = new URL(target, 'http://host');
    const path = filePath(url.pathname, this.repository);
    const request: LoggedRequest = { host, method, url: target, path, headers, status: 0, sent: 0 };
    this.requests.push(request);
    const key = `${host} ${method} ${url.pathname}`;
    const nth = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, nth);
    const fault = this.fault(request, nth) ?? {};
    response.on('close', () => (request.status ||= response.statusCode));
    if (fault.status !== undefined) {
      request.status = fault.status;
      response.writeHead(fault.status, { 'content-type': 'text/plain', ...fault.headers }).end(fault.body ?? '');
      return;
    }
    if (path !== undefined) return this.#file(request, path, fault, response);
    this.#api(request, url, response);
  }

  #api(request: LoggedRequest, url: URL, response: ServerResponse): void {
    const base = `/api/models/${this.repository}`;
    const send = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
      request.status = status;
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    };
    const isKnown = (revision: string): boolean => ['main', 'HEAD', 'refs/pr/1', this.commit].includes(revision);
    if (url.pathname.startsWith(`${base}/revision/`)) {
      const revision = decodeURIComponent(url.pathname.slice(`${base}/revision/`.length));
      if (!isKnown(revision)) return send(404, { error: 'Invalid rev id' }, { 'x-error-code': 'RevisionNotFound' });
      return send(200, this.#info());
    }
    if (url.pathname === base) return send(200, this.#info());
    if (url.pathname.startsWith(`${base}/tree/`)) {
      const from = Number(url.searchParams.get('cursor') ?? 0);
      const next = from + this.pageSize;
      const more = next < this.files.size;
      const link = `<${this.endpoint}${url.pathname}?recursive=true&cursor=${next}>; rel="next"`;
      return send(200, this.#tree().slice(from, next), more ? { link } : {});
    }
    send(404, { error: 'Repository not found' }, { 'x-error-code': 'RepoNotFound' });
  }

  #info(): object {
    const siblings = [...this.files.keys()].map((rfilename) => ({ rfilename }));
    return {
      _id: '1',
      id: this.repository,
      sha: this.commit,
      private: false,
      gated: false,
      downloads: 0,
      likes: 0,
      siblings,
    };
  }

  #tree(): object[] {
    return [...this.files.entries()].map(([path, { content, lfs, listed }]) => {
      const size = listed?.size ?? content.byteLength;
      const oid = listed?.oid ?? (lfs === true ? sha256(content) : gitHash(content));
      const entry = { type: 'file', path: listed?.path ?? path, size };
      if (lfs !== true) return { ...entry, oid };
      const pointer = gitHash(new TextEncoder().encode(`oid sha256:${oid}`));
      return { ...entry, oid: pointer, lfs: { oid, size, pointerSize: 134 } };
    });
  }

  async #file(request: LoggedRequest, path: string, fault: Fault, response: ServerResponse): Promise<void> {
    const file = this.files.get(path);
    if (file === undefined) {
      request.status = 404;
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
      return;
    }
    const repoCommit = { 'x-repo-commit': this.commit };
    if (file.lfs === true && request.host === 'hub') {
      request.status = 302;
      const linked = {
        'x-linked-etag': `"${sha256(file.content)}"`,
        'x-linked-size': String(file.content.byteLength),
        location: `${this.cdn}/${this.repository}/resolve/cdn/${path}`,
      };
      response.writeHead(302, { ...repoCommit, ...linked, ...fault.headers }).end();
      return;
    }
    const etag = fault.etag ?? (file.lfs === true ? `"cdn-${path}"` : `"${gitHash(file.content)}"`);
    await sendFile(request, response, fault.content ?? file.content, { ...fault, etag }, repoCommit);
  }
}

function filePath(pathname: string, repository: string): string | undefined {
  const match = /^\/(?<repository>[^/]+\/[^/]+)\/resolve\/[^/]+\/(?<path>.+)$/.exec(pathname);
  return match?.groups?.['repository'] === repository ? decodeURIComponent(match.groups['path'] ?? '') : undefined;
}

async function sendFile(
  request: LoggedRequest,
  response: ServerResponse,
  content: Uint8Array,
  fault: Fault & { readonly etag: string },
  headers: Record<string, string>,
): Promise<void> {
  const { etag } = fault;
  const { range, 'if-range': ifRange } = request.headers;
  const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
  const isRanged = asked !== null && fault.ignoreRange !== true && (ifRange === undefined || ifRange === etag);
  const from = isRanged ? Number(asked[1]) : 0;
  if (isRanged && from >= content.byteLength) {
    request.status = 416;
    response.writeHead(416, { 'content-range': `bytes */${content.byteLength}` }).end();
    return;
  }
  const body = content.subarray(from);
  request.status = isRanged ? 206 : 200;
  const contentRange = `bytes ${from}-${content.byteLength - 1}/${content.byteLength}`;
  response.writeHead(request.status, {
    ...headers,
    etag,
    'accept-ranges': 'bytes',
    'content-length': body.byteLength,
    ...(isRanged ? { 'content-range': contentRange } : {}),
    ...fault.headers,
  });
  if (request.method === 'HEAD') return void response.end();
  response.flushHeaders();
  const closed = once(response, 'close').catch(() => {});
  const end = Math.min(body.byteLength, fault.cutAfter ?? Infinity, fault.stallAfter ?? Infinity);
  for (let at = 0; at < end && !response.destroyed; at += PIECE) {
    if (fault.pace !== undefined) await delay(fault.pace);
    const piece = body.subarray(at, Math.min(at + PIECE, end));
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
    request.sent += piece.byteLength;
  }
  if (fault.stallAfter !== undefined) return;
  if (fault.cutAfter === undefined) response.end();
  // What is in the socket's buffer arrives before the connection goes down.
  else response.socket?.end(() => response.destroy());
}
