import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubServer, noise } from '../../../packages/converter/test/hub-server.js';
import { proxySettings } from '../src/proxy-fetch.js';
import { type Folder, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';
import { ProxyServer } from './proxy-server.js';

const weights = noise(1 << 20, 7);
let server: HubServer;
let proxy: ProxyServer;
let folder: Folder;
let env: Record<string, string>;

beforeEach(async () => {
  server = await HubServer.start({
    'config.json': { content: new TextEncoder().encode('{}') },
    'model.safetensors': { content: weights, lfs: true },
  });
  proxy = await ProxyServer.start();
  folder = await temporaryFolder();
  env = { HF_HOME: path.join(folder.path, 'home'), HF_ENDPOINT: server.endpoint };
});

afterEach(async () => {
  await server.stop();
  await proxy.stop();
  await folder.remove();
});

const pull = (more: Record<string, string>) =>
  pocketlens(['pull', 'org/model', '--json'], { env: { ...env, ...more } });

describe('pocketlens pull behind a proxy', () => {
  it.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])('asks everything through %s', async (name) => {
    const { code, stdout } = await pull({ [name]: `http://${proxy.host}` });
    expect(code).toBe(0);
    const [{ directory }] = jsonLines(stdout) as [{ directory: string }];
    expect(Buffer.compare(await readFile(path.join(directory, 'model.safetensors')), weights)).toBe(0);
    expect(server.requests.length).toBeGreaterThan(3);
    expect(proxy.requests).toHaveLength(server.requests.length);
    // Both the hub and the host that large files are redirected to.
    for (const origin of [server.endpoint, server.cdn]) {
      expect(proxy.requests.some((url) => url.startsWith(`${origin}/`))).toBe(true);
    }
    expect(proxy.tunnels).toEqual([]);
  });

  it('goes on where it was cut off', async () => {
    server.fault = ({ host }, nth) => (host === 'cdn' && nth === 1 ? { cutAfter: 1 << 19 } : undefined);
    const { code } = await pull({ http_proxy: proxy.host });
    expect(code).toBe(0);
    const [first, second] = server.requests.filter(({ host }) => host === 'cdn');
    expect(first?.headers.range).toBeUndefined();
    expect(second?.headers.range).toMatch(/^bytes=\d+-$/);
  });

  it('asks hosts of NO_PROXY directly', async () => {
    const { code } = await pull({ HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: 'localhost,127.0.0.1' });
    expect(code).toBe(0);
    expect(proxy.requests).toEqual([]);
  });

  it('gives the proxy its password, and nobody else', async () => {
    const { code } = await pull({ HTTP_PROXY: `http://user:secret@${proxy.host}` });
    expect(code).toBe(0);
    expect(proxy.authorization).toBe(`Basic ${Buffer.from('user:secret').toString('base64')}`);
    for (const { headers } of server.requests) expect(headers['proxy-authorization']).toBeUndefined();
  });

  it('opens a tunnel for https, and says when it is refused', async () => {
    proxy.tunnelStatus = 403;
    const { code, stdout } = await pull({ HF_ENDPOINT: 'https://hub.invalid', HTTPS_PROXY: `http://${proxy.host}` });
    expect(code).toBe(1);
    expect(new Set(proxy.tunnels)).toEqual(new Set(['hub.invalid:443']));
    expect(jsonLines(stdout)).toEqual([
      { error: expect.objectContaining({ code: 'NETWORK_UNREACHABLE', message: expect.stringContaining('403') }) },
    ]);
  });

  it('names the proxy that does not answer', async () => {
    const { host } = proxy;
    await proxy.stop();
    const { code, stdout } = await pull({ HTTP_PROXY: `http://${host}` });
    expect(code).toBe(1);
    const message = expect.stringContaining(`the proxy ${host} does not answer`);
    expect(jsonLines(stdout)).toEqual([{ error: expect.objectContaining({ code: 'NETWORK_UNREACHABLE', message }) }]);
  });

  it('refuses an address that is none, without showing it', async () => {
    const { code, stdout } = await pull({ HTTPS_PROXY: 'socks5://user:secret@proxy:1080' });
    expect(code).toBe(2);
    expect(stdout).toContain('https_proxy names a proxy of socks5:');
    expect(stdout).not.toContain('secret');
    expect(await pull({ http_proxy: 'http://a b' })).toMatchObject({ code: 2 });
  });
});

describe('proxySettings', () => {
  it('reads small letters before capitals, and the general before none', () => {
    expect(proxySettings({})).toBeUndefined();
    expect(proxySettings({ HTTPS_PROXY: '', NO_PROXY: '*' })).toBeUndefined();
    expect(proxySettings({ https_proxy: 'a:1', HTTPS_PROXY: 'b:2', ALL_PROXY: 'https://c:3', no_proxy: 'd' })).toEqual({
      httpsProxy: 'http://a:1',
      httpProxy: 'https://c:3',
      noProxy: 'd',
    });
  });
});
