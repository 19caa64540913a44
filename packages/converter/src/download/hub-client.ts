import { throwIfAborted } from '../errors.js';
import { DownloadError } from './errors.js';
import { type Asked, httpFailure, networkFailure } from './http-failure.js';
import { type RetryPolicy, withRetries } from './retry.js';
import { checkUrl } from './url-policy.js';

export interface HubClientOptions {
  readonly endpoint: URL;
  readonly repository: string;
  readonly revision: string;
  readonly token: string | undefined;
  readonly allowHttp: boolean;
  readonly retry: RetryPolicy;
  /** The longest time without a byte. */
  readonly stallMs: number;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
}

/** The answer to a request for a file's bytes. */
export interface FileAnswer {
  readonly status: 200 | 206 | 416;
  readonly headers: Headers;
  /** The hash by which the hub knows the file, from the first answer of a chain of redirections. */
  readonly linkedHash: string | undefined;
  readonly host: string;
  /** Ends the request when it is left early. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the request when the body is not wanted at all. */
  close(): Promise<void>;
}

interface Exchange {
  readonly response: Response;
  readonly url: URL;
  readonly linkedHash: string | undefined;
  readonly watch: StallWatch;
}

const MAX_REDIRECTIONS = 5;
const REDIRECTIONS = new Set([301, 302, 303, 307, 308]);
/** One page of a listing holds at most a thousand files. */
const MAX_API_BYTES = 16 * 1024 * 1024;
const USER_AGENT = 'pocketlens';

/** Talks to one hub: token, redirections, time limits, errors by kind. */
export class HubClient {
  readonly #options: HubClientOptions;
  #isReachable = false;

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  /** Whether the hub has answered anything yet. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** `fetch` for the hub's API: retried, bounded, and a failure is thrown as `DownloadError`. */
  readonly fetchApi = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { retry, signal } = this.#options;
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init.headers);
    const attempt = async (): Promise<Response> => {
      const exchange = await this.#exchange(url, headers);
      await this.#refuseFailure(exchange);
      const bytes = await this.#readBounded(exchange);
      return new Response(bytes, {
        status: exchange.response.status,
        headers: withoutCoding(exchange.response.headers),
      });
    };
    return withRetries(attempt, retry, { signal, isReachable: () => this.#isReachable });
  };

  /** Asks once for a file from an offset on; `validator` makes the server start over when the file has changed. */
  async openFile(url: URL, { from, validator }: { from: number; validator: string | undefined }): Promise<FileAnswer> {
    const headers = new Headers({ 'accept-encoding': 'identity' });
    if (from > 0) headers.set('range', `bytes=${from}-`);
    if (from > 0 && validator !== undefined) headers.set('if-range', validator);
    const exchange = await this.#exchange(url, headers);
    const { response, linkedHash, url: last } = exchange;
    const { status } = response;
    if (status !== 200 && status !== 206 && status !== 416) {
      await this.#refuseFailure(exchange);
      await discard(exchange);
      throw new DownloadError('DOWNLOAD_RESPONSE', `${last.host} answers with status ${status}, expected 200 or 206`);
    }
    const { headers: received } = response;
    const close = (): Promise<void> => discard(exchange);
    return { status, headers: received, linkedHash, host: last.host, body: this.#body(exchange), close };
  }

  async #exchange(start: URL, headers: Headers): Promise<Exchange> {
    const watch = new StallWatch(this.#options.stallMs, start.host, this.#options.signal);
    let url = start;
    let isTrusted = true;
    let linkedHash: string | undefined;
    try {
      for (let hops = 0; hops <= MAX_REDIRECTIONS; hops += 1) {
        checkUrl(url, this.#options);
        // The token is the hub's: once a chain has left it, nobody further down gets the token.
        isTrusted &&= url.origin === this.#options.endpoint.origin;
        const response = await this.#send(url, headers, isTrusted, watch);
        linkedHash ??= normalizedEtag(response.headers.get('x-linked-etag'));
        if (!REDIRECTIONS.has(response.status)) return { response, url, linkedHash, watch };
        url = await redirection(response, url);
      }
    } catch (error) {
      watch.end();
      throw error;
    }
    watch.end();
    throw new DownloadError('DOWNLOAD_RESPONSE', `${start.host} redirects more than ${MAX_REDIRECTIONS} times`);
  }

  async #send(url: URL, headers: Headers, isTrusted: boolean, watch: StallWatch): Promise<Response> {
    const { token, signal, fetch } = this.#options;
    const sent = new Headers(headers);
    sent.set('user-agent', USER_AGENT);
    if (isTrusted && token !== undefined) sent.set('authorization', `Bearer ${token}`);
    watch.touch(url.host);
    try {
      const response = await fetch(url, { headers: sent, redirect: 'manual', signal: watch.signal });
      this.#isReachable = true;
      return response;
    } catch (error) {
      throwIfAborted(signal);
      watch.throwIfStalled();
      throw networkFailure(error, url.host, 'connect');
    }
  }

  async #refuseFailure(exchange: Exchange): Promise<void> {
    const { response, url } = exchange;
    if (response.ok) return;
    await discard(exchange);
    const { repository, revision, token } = this.#options;
    const asked: Asked = { repository, revision, host: url.host, hasToken: token !== undefined };
    throw httpFailure(response, asked);
  }

  async *#body(exchange: Exchange): AsyncGenerator<Uint8Array> {
    const { response, url, watch } = exchange;
    const reader = response.body?.getReader();
    try {
      for (;;) {
        watch.touch(url.host);
        const next = await reader?.read();
        if (next === undefined || next.done) return;
        // The receiver may take its time: only waiting for the server counts.
        watch.rest();
        yield next.value;
      }
    } catch (error) {
      throwIfAborted(this.#options.signal);
      watch.throwIfStalled();
      throw error instanceof DownloadError ? error : networkFailure(error, url.host, 'body');
    } finally {
      watch.end();
      await reader?.cancel().catch(() => {});
    }
  }

  async #readBounded(exchange: Exchange): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of this.#body(exchange)) {
      length += piece.byteLength;
      if (length > MAX_API_BYTES) {
        throw new DownloadError(
          'DOWNLOAD_RESPONSE',
          `${exchange.url.host} sends a listing of over ${MAX_API_BYTES} bytes`,
        );
      }
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }
}

/** Ends a request when nothing arrives for too long, or when the caller's signal fires. */
class StallWatch {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #limitMs: number;
  // A long download makes many requests under one signal, so that each takes its listener away again.
  readonly #forward = (): void => this.#controller.abort(this.#parent.reason);
  #host: string;
  #isStalled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, host: string, parent: AbortSignal) {
    this.#limitMs = limitMs;
    this.#host = host;
    this.#parent = parent;
    if (parent.aborted) this.#forward();
    else parent.addEventListener('abort', this.#forward, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the time again. */
  touch(host: string): void {
    this.#host = host;
    this.#timer ??= setTimeout(() => this.#stall(), this.#limitMs).unref();
    this.#timer.refresh();
  }

  /** Stops the time until the next touch. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The request is over. */
  end(): void {
    this.rest();
    this.#parent.removeEventListener('abort', this.#forward);
  }

  throwIfStalled(): void {
    if (!this.#isStalled) return;
    throw new DownloadError('NETWORK_STALLED', `${this.#host} has sent nothing for ${this.#limitMs / 1000} s`, {
      hint: 'Run the same command again: it goes on where it stopped.',
      details: { host: this.#host },
      isRetryable: true,
    });
  }

  #stall(): void {
    this.#isStalled = true;
    this.#controller.abort();
  }
}

async function redirection(response: Response, from: URL): Promise<URL> {
  await response.body?.cancel().catch(() => {});
  const location = response.headers.get('location');
  if (location !== null && URL.canParse(location, from.href)) return new URL(location, from);
  throw new DownloadError('DOWNLOAD_RESPONSE', `${from.host} redirects to nowhere (status ${response.status})`);
}

async function discard({ response, watch }: Exchange): Promise<void> {
  watch.end();
  await response.body?.cancel().catch(() => {});
}

/** The body has been decoded already. */
function withoutCoding(headers: Headers): Headers {
  const kept = new Headers(headers);
  kept.delete('content-encoding');
  kept.delete('content-length');
  return kept;
}

/** The value of an `ETag` without quotes and weakness mark. */
export function normalizedEtag(etag: string | null): string | undefined {
  return etag === null ? undefined : etag.trim().replace(/^W\//, '').replaceAll('"', '');
}
