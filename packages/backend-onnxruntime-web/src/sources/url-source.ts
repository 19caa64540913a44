import { AbortError, BackendError, InvalidArgumentError } from '@pocketlens/backend';
import type { ModelFile, ModelSource } from '@pocketlens/backend';
import { fileMissing, pathSegments } from './model-path.js';
import { BytesFile } from './bytes-file.js';
import { UrlFile } from './url-file.js';

export interface UrlSourceOptions {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends requests that are under way. */
  readonly signal?: AbortSignal;
  /** Replaces `fetch`. */
  readonly fetch?: typeof fetch;
}

/** Settings and vocabularies: they are wanted whole, and servers compress them, so that only their bytes tell their size. */
const WHOLE = /\.(?:json|model|txt|md)$/;
/** Absent, gone, or not shown to this reader. */
const MISSING: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/** Asks a server for something; answers that are no success become errors. */
export type Ask = (url: string, init?: RequestInit) => Promise<Response>;

/**
 * A model on a server, its files below one address. Weights are read as a stream, and tables of embeddings by range; a
 * server that gives no ranges is read from the start.
 */
export class UrlSource implements ModelSource {
  /** The address, with a slash at its end. */
  readonly name: string;
  readonly #options: UrlSourceOptions;
  readonly #whole = new Map<string, Promise<Uint8Array>>();

  /**
   * @param base - absolute, or relative to the page
   * @throws {InvalidArgumentError} `ARGUMENT_TYPE` for an address that is none
   */
  constructor(base: string | URL, options: UrlSourceOptions = {}) {
    const url = parseAddress(base);
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    this.name = url.href;
    this.#options = options;
  }

  async open(path: string): Promise<ModelFile> {
    const segments = pathSegments(path, this.name);
    const url = new URL(this.name);
    url.pathname += segments.map(encodeURIComponent).join('/');
    const ask: Ask = (address, init) => this.#ask(path, address, init);
    if (WHOLE.test(path)) return new BytesFile(await this.#read(path, () => ask(url.href)), path);
    return UrlFile.open(url.href, path, ask);
  }

  /** Small files are kept: settings are read by several parts of the program. */
  async #read(path: string, request: () => Promise<Response>): Promise<Uint8Array> {
    const bytes = this.#whole.get(path) ?? request().then(readBody(path, this.name));
    this.#whole.set(path, bytes);
    try {
      return await bytes;
    } catch (error) {
      this.#whole.delete(path);
      throw error;
    }
  }

  async #ask(path: string, url: string, init: RequestInit = {}): Promise<Response> {
    const { headers, signal, fetch: ask = fetch } = this.#options;
    const all = { ...headers, ...(init.headers as Record<string, string> | undefined) };
    let response: Response;
    try {
      response = await ask(url, { ...init, headers: all, ...(signal === undefined ? {} : { signal }) });
    } catch (cause) {
      if (signal?.aborted === true) throw new AbortError(signal);
      throw unreachable(path, this.name, cause instanceof Error ? cause.message : String(cause), cause);
    }
    if (response.ok && !isPage(response)) return response;
    await response.body?.cancel();
    if (response.ok) throw fileMissing(path, this.name, 'is missing: the server answers with a page');
    const status = `${response.status} ${response.statusText}`.trim();
    if (MISSING.has(response.status)) throw fileMissing(path, this.name, `is missing: the server answers ${status}`);
    throw unreachable(path, this.name, `the server answers ${status}`);
  }
}

/** Servers of single-page programs give their page for every address that they do not know. */
function isPage({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/html') === true;
}

function readBody(path: string, name: string): (response: Response) => Promise<Uint8Array> {
  return async (response) => {
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw unreachable(path, name, 'the connection broke', cause);
    }
  };
}

export function unreachable(path: string, name: string, why: string, cause?: unknown): BackendError {
  return new BackendError('BACKEND_FAILED', `${path} cannot be read from ${name}: ${why}`, {
    cause,
    hint: 'Look at the connection, at what the server allows (CORS), and try again.',
    details: { path },
    isRetryable: true,
  });
}

/** Relative to the page, or in a worker to the worker. */
function parseAddress(base: string | URL): URL {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  try {
    return new URL(base, location?.href);
  } catch (cause) {
    throw new InvalidArgumentError('ARGUMENT_TYPE', `${JSON.stringify(String(base))} is no address of a model`, {
      cause,
      hint: 'Give a URL such as https://example.org/model/; a relative one needs a page that it is relative to.',
    });
  }
}
