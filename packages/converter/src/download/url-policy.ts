import { BlockList, isIP } from 'node:net';
import { InvalidArgumentError } from '../errors.js';
import { preview } from '../json.js';
import { DownloadError } from './errors.js';

const PRIVATE_ADDRESSES = new BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  PRIVATE_ADDRESSES.addSubnet(network, prefix, 'ipv4');
}
PRIVATE_ADDRESSES.addAddress('::1', 'ipv6');
PRIVATE_ADDRESSES.addSubnet('fc00::', 7, 'ipv6');
PRIVATE_ADDRESSES.addSubnet('fe80::', 10, 'ipv6');

/** Whether a host lies on this machine or in its own network, as far as its name tells. */
function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const version = isIP(host);
  if (version !== 0) return PRIVATE_ADDRESSES.check(host, version === 4 ? 'ipv4' : 'ipv6');
  return !host.includes('.') || /\.(?:localhost|local|internal|lan)$/.test(host);
}

/**
 * Lets only `https:` pass, and `http:` inside the own network.
 *
 * @throws {DownloadError} `DOWNLOAD_URL_BLOCKED`
 */
export function checkUrl(url: URL, { allowHttp }: { readonly allowHttp: boolean }): void {
  if (url.protocol === 'https:') return;
  if (url.protocol !== 'http:') {
    throw new DownloadError('DOWNLOAD_URL_BLOCKED', `${url.protocol} is no protocol of a hub, expected https:`);
  }
  if (allowHttp || isPrivateHost(url.hostname)) return;
  throw new DownloadError('DOWNLOAD_URL_BLOCKED', `${url.host} was to be asked over plain http, expected https:`, {
    hint: 'Use an https address, or allow it with --allow-http (allowHttp: true).',
    details: { host: url.host },
  });
}

/** @throws {InvalidArgumentError} `ARGUMENT_TYPE` when the text is no usable base URL */
export function parseEndpoint(text: string): URL {
  let url;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new InvalidArgumentError('ARGUMENT_TYPE', `the endpoint ${preview(text)} is not a URL`, { cause });
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError('ARGUMENT_TYPE', 'the endpoint holds a user name or password: give a token instead');
  }
  if (url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('ARGUMENT_TYPE', `the endpoint ${preview(text)} holds a query, expected a base URL`);
  }
  return url;
}
