import type { CliIo } from './io.js';
import { UsageError } from './errors.js';

/** Ends connections that are kept open for further requests. */
export interface ProxyFetch {
  readonly fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

interface ProxySettings {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

/**
 * The proxies that the environment names: `https_proxy`, `http_proxy` (small letters go before capitals), `all_proxy` for
 * both, and `no_proxy` with hosts that are asked directly. Undefined where none is named.
 *
 * @throws {UsageError} for an address that is no URL, or of another protocol than http and https
 */
export function proxySettings(env: CliIo['env']): ProxySettings | undefined {
  const value = (name: string): string => env[name] || env[name.toUpperCase()] || '';
  const all = value('all_proxy');
  const httpProxy = proxyUrl('http_proxy', value('http_proxy') || all);
  const httpsProxy = proxyUrl('https_proxy', value('https_proxy') || all);
  return httpProxy === '' && httpsProxy === '' ? undefined : { httpProxy, httpsProxy, noProxy: value('no_proxy') };
}

function proxyUrl(name: string, text: string): string {
  if (text === '') return '';
  const address = text.includes('://') ? text : `http://${text}`;
  const protocol = URL.canParse(address) ? new URL(address).protocol : undefined;
  if (protocol === 'http:' || protocol === 'https:') return address;
  throw new UsageError(
    // The address may hold a password.
    protocol === undefined ? `${name} is not a URL` : `${name} names a proxy of ${protocol}, expected http: or https:`,
    'Set it to http://HOST:PORT, or unset it; no_proxy names hosts that need none.',
  );
}

/** `fetch` through the proxies of the environment; undefined where it names none. */
export async function createProxyFetch(env: CliIo['env']): Promise<ProxyFetch | undefined> {
  const settings = proxySettings(env);
  if (settings === undefined) return undefined;
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  // Without a tunnel for plain http: many proxies allow tunnels to port 443 alone.
  const dispatcher = new EnvHttpProxyAgent({ ...settings, proxyTunnel: false });
  // undici's own fetch, because that of Node.js may be another version, which does not understand this dispatcher.
  const through = async (...[input, init]: Parameters<typeof fetch>): Promise<Awaited<ReturnType<typeof fetch>>> => {
    try {
      return await fetch(input, { ...init, dispatcher });
    } catch (error) {
      throw explained(error, settings);
    }
  };
  return { fetch: through as unknown as typeof globalThis.fetch, close: () => dispatcher.destroy() };
}

/** Names the proxy where it is what failed: the reader would take it for the hub. */
function explained(error: unknown, settings: ProxySettings): unknown {
  const proxy = failedProxy(error, settings);
  if (proxy === undefined) return error;
  return new TypeError('fetch failed', { cause: new Error(`the proxy ${proxy} does not answer`) });
}

/** Host and port of the proxy that could not be reached, when that is what an error of `fetch` tells. */
function failedProxy(error: unknown, { httpProxy, httpsProxy }: ProxySettings): string | undefined {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof AggregateError) inner = inner.errors[0];
  if (!(inner instanceof Error)) return undefined;
  const { hostname, port } = inner as { readonly hostname?: unknown; readonly port?: unknown };
  return [httpsProxy, httpProxy]
    .flatMap((text) => (text === '' ? [] : [new URL(text)]))
    .find((proxy) => hostname === proxy.hostname || (port !== undefined && port === portOf(proxy)))?.host;
}

function portOf({ protocol, port }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
