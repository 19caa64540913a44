import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMIT, gitHash, HubServer, noise, sha256, type ServedFile } from '../../test/hub-server.js';
import { cachedSnapshot, download, type DownloadOptions, type DownloadProgress } from '../index.js';

const MIB = 1 << 20;
const big = noise(3 * MIB + 17, 1);
const config = new TextEncoder().encode('{"hidden_size": 8}\n');
const FILES: Readonly<Record<string, ServedFile>> = {
  'config.json': { content: config },
  'empty.txt': { content: new Uint8Array() },
  'nested/deeper/notes.md': { content: new TextEncoder().encode('# notes') },
  'model.safetensors': { content: big, lfs: true },
};

let server: HubServer;
let root = '';
let cache = '';

const options = (more: Partial<DownloadOptions> = {}): DownloadOptions => ({
  repository: 'org/model',
  endpoint: server.endpoint,
  cacheDirectory: cache,
  env: {},
  token: false,
  retry: { delayMs: 1 },
  ...more,
});
const folder = (...names: string[]): string => join(cache, 'models--org--model', ...names);
const blob = (content: Uint8Array): string => folder('blobs', sha256(content));
const holds = async (path: string, content: Uint8Array): Promise<boolean> =>
  Buffer.compare(await readFile(path), content) === 0;
const names = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);
const ranges = (path: string): (string | undefined)[] =>
  server.requests.filter((one) => one.host === 'cdn' && one.path === path).map(({ headers }) => headers.range);

beforeEach(async () => {
  server = await HubServer.start(FILES);
  root = await mkdtemp(join(tmpdir(), 'pocketlens-download-'));
  cache = join(root, 'hub');
});
afterEach(async () => {
  await server.stop();
  await rm(root, { recursive: true, force: true });
});

describe('a first download', () => {
  it('leaves the usual cache: blobs by hash, relative links, a reference, the list of files', async () => {
    const result = await download(options());
    expect(result).toMatchObject({ commit: COMMIT, revision: 'main', directory: folder('snapshots', COMMIT) });
    expect(result.files.map(({ path, source }) => [path, source])).toEqual(
      Object.keys(FILES).map((path) => [path, 'network']),
    );
    for (const [path, { content }] of Object.entries(FILES)) {
      expect(await holds(join(result.directory, path), content)).toBe(true);
    }
    expect(await readlink(join(result.directory, 'model.safetensors'))).toBe(join('..', '..', 'blobs', sha256(big)));
    const notes = await readlink(join(result.directory, 'nested/deeper/notes.md'));
    expect(notes).toBe(join('..', '..', '..', '..', 'blobs', gitHash(new TextEncoder().encode('# notes'))));
    expect(await readFile(folder('refs', 'main'), 'utf8')).toBe(COMMIT);
    expect((await names(folder('blobs'))).every((name) => /^[0-9a-f]+$/.test(name))).toBe(true);
    expect(await names(join(cache, '.locks', 'models--org--model'))).toEqual([]);
    expect(result.bytesReceived).toBe(Object.values(FILES).reduce((sum, { content }) => sum + content.byteLength, 0));
  });

  it('asks for nothing but the commit when all is here, and for nothing at all when the commit is named', async () => {
    await download(options());
    server.requests.length = 0;
    const again = await download(options());
    expect(again.files.every(({ source }) => source === 'cache')).toBe(true);
    expect(server.requests.map(({ url }) => url.split('?')[0])).toEqual(['/api/models/org/model/revision/main']);
    server.requests.length = 0;
    await download(options({ revision: COMMIT }));
    expect(server.requests).toEqual([]);
  });

  it('reads a listing of several pages', async () => {
    server.pageSize = 2;
    expect((await download(options())).files).toHaveLength(4);
  });

  it('takes the files that are meant', async () => {
    const paths = async (more: Partial<DownloadOptions>): Promise<string[]> =>
      (await download(options(more))).files.map(({ path }) => path);
    expect(await paths({ files: ['config.json'] })).toEqual(['config.json']);
    expect(await paths({ include: ['*.json', 'nested/'] })).toEqual(['config.json', 'nested/deeper/notes.md']);
    expect(await paths({ exclude: ['*.safetensors', 'empty*'] })).toEqual(['config.json', 'nested/deeper/notes.md']);
    await expect(download(options({ files: ['absent.bin'] }))).rejects.toMatchObject({
      code: 'DOWNLOAD_FILE_UNKNOWN',
      hint: expect.stringContaining('config.json'),
    });
    await expect(download(options({ include: ['*.gguf'] }))).rejects.toMatchObject({ code: 'DOWNLOAD_FILE_UNKNOWN' });
  });

  it('fetches equal files once', async () => {
    server.files.set('copy.safetensors', { content: big, lfs: true });
    const { directory, bytesReceived } = await download(options({ include: ['*.safetensors'] }));
    expect(server.transfers().map(({ path }) => path)).toEqual(['model.safetensors']);
    expect(bytesReceived).toBe(big.byteLength);
    expect(await holds(join(directory, 'copy.safetensors'), big)).toBe(true);
  });

  it('puts the files into a directory of its own', async () => {
    const target = join(root, 'model');
    expect(await download(options({ target }))).toMatchObject({ directory: target });
    expect((await lstat(join(target, 'model.safetensors'))).isFile()).toBe(true);
    await writeFile(join(target, 'config.json'), 'edited');
    await download(options());
    expect(await holds(join(folder('snapshots', COMMIT), 'config.json'), config)).toBe(true);
  });

  it('tells how far it is', async () => {
    const seen: DownloadProgress[] = [];
    await download(options({ onProgress: (progress) => seen.push(progress) }));
    const total = Object.values(FILES).reduce((sum, { content }) => sum + content.byteLength, 0);
    expect(seen.at(-1)).toMatchObject({
      bytesDone: total,
      bytesTotal: total,
      filesDone: 4,
      filesTotal: 4,
      secondsLeft: 0,
    });
    const done = seen.map(({ bytesDone }) => bytesDone);
    expect(done).toEqual(done.toSorted((one, other) => one - other));
  });

  it('follows a branch that has moved, and keeps what the old commit had', async () => {
    await download(options());
    server.commit = 'a'.repeat(40);
    server.files.set('config.json', { content: new TextEncoder().encode('{}') });
    const { files, directory } = await download(options());
    expect(files.filter(({ source }) => source === 'network').map(({ path }) => path)).toEqual(['config.json']);
    expect(await readFile(join(directory, 'config.json'), 'utf8')).toBe('{}');
    expect(await readFile(folder('refs', 'main'), 'utf8')).toBe('a'.repeat(40));
    expect(await holds(join(folder('snapshots', COMMIT), 'config.json'), config)).toBe(true);
  });

  it('takes other names of revisions', async () => {
    const { directory } = await download(options({ revision: 'refs/pr/1', files: ['config.json'] }));
    expect(directory).toBe(folder('snapshots', COMMIT));
    expect(await readFile(folder('refs', 'refs', 'pr', '1'), 'utf8')).toBe(COMMIT);
  });
});

describe('a download that is cut off', () => {
  const only = (more: Partial<DownloadOptions> = {}): DownloadOptions =>
    options({ files: ['model.safetensors'], ...more });

  it('goes on by range after each cut, under the same ETag', async () => {
    server.fault = ({ host }, nth) => (host === 'cdn' && nth <= 6 ? { cutAfter: 400_000 } : undefined);
    const { directory, bytesReceived } = await download(only());
    expect(await holds(join(directory, 'model.safetensors'), big)).toBe(true);
    expect(bytesReceived).toBe(big.byteLength);
    const asked = server.requests.filter(({ host }) => host === 'cdn');
    expect(asked).toHaveLength(7);
    expect(asked[0]?.headers.range).toBeUndefined();
    const starts = asked.slice(1).map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]));
    expect(starts).toEqual(starts.toSorted((one, other) => one - other));
    // What a broken connection still held is lost, but no more.
    expect(starts[0]).toBeGreaterThan(100_000);
    for (const { headers } of asked.slice(1)) expect(headers['if-range']).toBe('"cdn-model.safetensors"');
  });

  it('keeps its part when it gives up, and the next one asks for the rest only', async () => {
    server.fault = ({ host }, nth) => (host === 'cdn' ? { cutAfter: nth === 1 ? MIB : 0 } : undefined);
    await expect(download(only({ retry: { attempts: 3, delayMs: 1 } }))).rejects.toMatchObject({
      code: 'NETWORK_INTERRUPTED',
      hint: expect.stringContaining('again'),
    });
    expect(await names(folder('blobs'))).toEqual([`${sha256(big)}.incomplete`, `${sha256(big)}.incomplete.etag`]);
    expect(await names(folder('snapshots'))).toEqual([]);
    const { size } = await stat(`${blob(big)}.incomplete`);
    expect(size).toBeGreaterThan(0);
    server.fault = () => undefined;
    server.requests.length = 0;
    const { bytesReceived } = await download(only());
    expect(bytesReceived).toBe(big.byteLength - size);
    expect(ranges('model.safetensors')).toEqual([`bytes=${size}-`]);
    expect(await names(folder('blobs'))).toEqual([sha256(big)]);
  });

  it('uses a part that huggingface_hub has left, without knowing its ETag', async () => {
    await mkdir(folder('blobs'), { recursive: true });
    await writeFile(`${blob(big)}.incomplete`, big.subarray(0, 2 * MIB));
    expect((await download(only())).bytesReceived).toBe(big.byteLength - 2 * MIB);
    expect(ranges('model.safetensors')).toEqual([`bytes=${2 * MIB}-`]);
  });

  it('only checks a part that is whole', async () => {
    await mkdir(folder('blobs'), { recursive: true });
    await writeFile(`${blob(big)}.incomplete`, big);
    expect((await download(only())).bytesReceived).toBe(0);
    expect(server.transfers()).toEqual([]);
  });

  it('starts over when what an earlier run left is damaged or too long', async () => {
    await mkdir(folder('blobs'), { recursive: true });
    await writeFile(`${blob(big)}.incomplete`, noise(MIB, 99));
    const { directory } = await download(only());
    expect(ranges('model.safetensors')).toEqual([`bytes=${MIB}-`, undefined]);
    expect(await holds(join(directory, 'model.safetensors'), big)).toBe(true);

    await rm(cache, { recursive: true });
    await mkdir(folder('blobs'), { recursive: true });
    await writeFile(`${blob(big)}.incomplete`, noise(big.byteLength + 1, 99));
    expect((await download(only())).bytesReceived).toBe(big.byteLength);
  });

  it('starts over when the server ignores ranges', async () => {
    server.fault = ({ host }, nth) =>
      host === 'cdn' ? { ignoreRange: true, ...(nth === 1 ? { cutAfter: MIB } : {}) } : undefined;
    const { directory } = await download(only());
    expect(await holds(join(directory, 'model.safetensors'), big)).toBe(true);
  });

  it('starts over when the file has changed in between', async () => {
    const other = noise(big.byteLength, 5);
    server.fault = ({ host }, nth) =>
      host === 'cdn' && nth === 1 ? { cutAfter: MIB, content: other, etag: '"old"' } : undefined;
    const { directory, bytesReceived } = await download(only());
    expect(await holds(join(directory, 'model.safetensors'), big)).toBe(true);
    expect(bytesReceived).toBeGreaterThan(big.byteLength);
    expect(server.transfers('model.safetensors').at(-1)).toMatchObject({ status: 200 });
  });

  it('waits for a busy server as long as it asks', async () => {
    server.fault = ({ host }, nth) => {
      if (host === 'hub' || nth > 2) return undefined;
      return nth === 1 ? { status: 503 } : { status: 429, headers: { 'retry-after': '1' } };
    };
    const start = performance.now();
    await download(only());
    expect(performance.now() - start).toBeGreaterThan(950);
    server.fault = ({ url }) =>
      url.startsWith('/api') ? { status: 429, headers: { 'retry-after': '4000' } } : undefined;
    await expect(download(only())).rejects.toMatchObject({
      code: 'DOWNLOAD_HTTP',
      message: expect.stringContaining('4000 s'),
    });
  });

  it('gives a server that has gone silent up, and asks again', async () => {
    server.fault = ({ host }, nth) => (host === 'cdn' && nth === 1 ? { stallAfter: MIB } : undefined);
    expect((await download(only({ stallMs: 300 }))).bytesReceived).toBe(big.byteLength);
    expect(ranges('model.safetensors')).toEqual([undefined, `bytes=${MIB}-`]);
    await rm(cache, { recursive: true });
    server.fault = ({ host }) => (host === 'cdn' ? { stallAfter: 0 } : undefined);
    await expect(download(only({ stallMs: 100, retry: { attempts: 2, delayMs: 1 } }))).rejects.toMatchObject({
      code: 'NETWORK_STALLED',
    });
  });

  it('ends at once when it is aborted, and keeps its part', async () => {
    const stop = new AbortController();
    server.fault = ({ host }) => (host === 'cdn' ? { stallAfter: MIB } : undefined);
    const ending = download(only({ signal: stop.signal }));
    const part = `${blob(big)}.incomplete`;
    await expect.poll(async () => (await stat(part).catch(() => undefined))?.size ?? 0).toBeGreaterThan(0);
    stop.abort(new Error('enough'));
    await expect(ending).rejects.toMatchObject({ code: 'ABORTED', cause: new Error('enough') });
    expect((await stat(part)).size).toBeGreaterThan(0);
    expect(await names(join(cache, '.locks', 'models--org--model'))).toEqual([]);
    await expect(download(only({ signal: stop.signal }))).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('two downloads at once', () => {
  it('fetch every byte once', async () => {
    for (let index = 0; index < 6; index += 1) {
      server.files.set(`shard-${index}.safetensors`, { content: noise(MIB, 10 + index), lfs: true });
    }
    server.fault = ({ host }) => (host === 'cdn' ? { pace: 2 } : undefined);
    const [one, other] = await Promise.all([
      download(options({ concurrency: 2 })),
      download(options({ concurrency: 2, revision: COMMIT })),
    ]);
    expect(one.bytesReceived + other.bytesReceived).toBe(
      [...server.files.values()].reduce((sum, { content }) => sum + content.byteLength, 0),
    );
    expect(one.files.map(({ path }) => path)).toEqual(other.files.map(({ path }) => path));
    expect([...one.files, ...other.files].some(({ source }) => source === 'other-process')).toBe(true);
  });
});

describe('what a server must not do', () => {
  it('lead out of the directory', async () => {
    for (const path of ['../../../evil', '/etc/evil', 'a/../../evil', String.raw`..\evil`, 'C:evil', 'a//b', './a']) {
      server.files.set('config.json', { content: config, listed: { path } });
      await expect(download(options())).rejects.toMatchObject({ code: 'MODEL_EXTERNAL_PATH' });
    }
    for (const listed of [{ path: 'a\u001B[2J' }, { oid: '../../x' }, { size: -1 }]) {
      server.files.set('config.json', { content: config, listed });
      await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_RESPONSE' });
    }
    expect(await names(root)).toEqual([]);
    expect(server.transfers()).toEqual([]);
  });

  it('send other bytes', async () => {
    server.fault = ({ host }) => (host === 'cdn' ? { content: noise(big.byteLength, 3) } : undefined);
    await expect(download(options())).rejects.toMatchObject({
      code: 'DOWNLOAD_CHECKSUM',
      message: expect.stringContaining(sha256(big).slice(0, 12)),
    });
    expect(server.transfers('model.safetensors')).toHaveLength(2);
    expect(await names(folder('blobs'))).not.toContain(sha256(big));
    expect((await names(folder('blobs'))).filter((name) => name.includes('incomplete'))).toEqual([]);
    expect(await names(folder('snapshots', COMMIT))).not.toContain('model.safetensors');
    await rm(cache, { recursive: true });
    server.fault = ({ path }) => (path === 'config.json' ? { content: new Uint8Array(config.byteLength) } : undefined);
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_CHECKSUM' });
  });

  it('send more or fewer bytes, or a page of its own', async () => {
    server.fault = ({ host }) => (host === 'cdn' ? { content: big.subarray(1) } : undefined);
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_SIZE' });
    await rm(cache, { recursive: true });
    const page = {
      content: new TextEncoder().encode('<html>sign in</html>'),
      headers: { 'content-type': 'text/html' },
    };
    server.fault = ({ path }) => (path === 'config.json' ? page : undefined);
    await expect(download(options())).rejects.toThrow(/19 bytes expected, 20 offered .* \(text\/html\)/);
    server.fault = ({ url }) => (url.startsWith('/api') ? { status: 200, body: '<html>sign in</html>' } : undefined);
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_RESPONSE' });
  });

  it('see the token of another host', async () => {
    await download(options({ token: 'secret' }));
    const bearers = (host: 'hub' | 'cdn'): (string | undefined)[] =>
      server.requests.filter((request) => request.host === host).map(({ headers }) => headers.authorization);
    expect(new Set(bearers('hub'))).toEqual(new Set(['Bearer secret']));
    expect(new Set(bearers('cdn'))).toEqual(new Set([undefined]));
  });

  it('redirect for ever, to nowhere, or to plain http outside', async () => {
    const redirect = (location: string): void => {
      server.fault = ({ path }) => (path === 'config.json' ? { status: 302, headers: { location } } : undefined);
    };
    redirect('config.json');
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_RESPONSE' });
    redirect('http://[');
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_RESPONSE' });
    redirect('http://example.com/config.json');
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_URL_BLOCKED' });
    redirect('file:///etc/passwd');
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_URL_BLOCKED' });
  });
});

describe('failures', () => {
  const answer = (status: number, code?: string): void => {
    server.fault = () => ({ status, headers: code === undefined ? {} : { 'x-error-code': code } });
  };

  it('are told apart', async () => {
    await expect(download(options({ repository: 'org/absent' }))).rejects.toMatchObject({
      code: 'REPOSITORY_NOT_FOUND',
    });
    await expect(download(options({ revision: 'v9' }))).rejects.toMatchObject({ code: 'REVISION_NOT_FOUND' });
    answer(401);
    await expect(download(options())).rejects.toMatchObject({ code: 'REPOSITORY_NOT_FOUND' });
    await expect(download(options({ token: 'secret' }))).rejects.toMatchObject({ code: 'TOKEN_REJECTED' });
    answer(403, 'GatedRepo');
    await expect(download(options())).rejects.toMatchObject({ code: 'REPOSITORY_GATED' });
    answer(403);
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_HTTP', details: { status: 403 } });
    server.requests.length = 0;
    answer(500);
    await expect(download(options())).rejects.toMatchObject({ code: 'DOWNLOAD_HTTP', details: { status: 500 } });
    expect(server.requests).toHaveLength(5);
  });

  it('never hold the token', async () => {
    answer(401);
    const error: unknown = await download(options({ token: 'secret-word' })).catch((thrown: unknown) => thrown);
    expect(JSON.stringify([error, String(error)])).not.toContain('secret-word');
    await expect(download(options({ token: 'two\nlines' }))).rejects.toThrow(/^(?!.*two)/s);
  });

  it('say what to do without a network', async () => {
    const offline = options();
    await server.stop();
    await expect(download(offline)).rejects.toMatchObject({
      code: 'NETWORK_UNREACHABLE',
      message: expect.stringContaining('nobody listens there'),
      hint: expect.stringContaining('HF_HUB_OFFLINE'),
    });
    await expect(download({ ...offline, endpoint: 'https://nowhere.invalid' })).rejects.toMatchObject({
      code: 'NETWORK_UNREACHABLE',
    });
  });

  it('come before any byte when the disk is too small', async () => {
    server.files.set('model.safetensors', { content: big, lfs: true, listed: { size: 2 ** 52 } });
    await expect(download(options())).rejects.toMatchObject({
      code: 'DISK_FULL',
      details: { needed: expect.any(Number) },
    });
    expect(server.transfers()).toEqual([]);
  });

  it('name a cache that cannot be used', async () => {
    await writeFile(cache, 'a file');
    await expect(download(options())).rejects.toMatchObject({
      code: 'CACHE_UNWRITABLE',
      hint: expect.stringContaining('--cache'),
    });
  });

  it.skipIf(process.getuid?.() === 0)('do not come from a cache that cannot be written when all is here', async () => {
    await download(options());
    for (const name of ['refs', 'trees', 'blobs', 'snapshots', '.']) await chmod(folder(name), 0o555);
    expect((await download(options())).bytesReceived).toBe(0);
    for (const name of ['refs', 'trees', 'blobs', 'snapshots', '.']) await chmod(folder(name), 0o755);
  });

  it('tell a wrong argument from the rest', async () => {
    for (const repository of ['', 'a/b/c', '../up', 'a--b/c', 'org/..', 'org/model.git', 'datasets/a/b']) {
      await expect(download(options({ repository }))).rejects.toMatchObject({ code: 'ARGUMENT_TYPE' });
    }
    for (const revision of ['', '../main', '/main', 'a//b', '.hidden', 'a\\b']) {
      await expect(download(options({ revision }))).rejects.toMatchObject({ code: 'ARGUMENT_TYPE' });
    }
    for (const endpoint of ['hub', 'https://me:secret@hub', 'https://hub/?a=b']) {
      await expect(download(options({ endpoint }))).rejects.toMatchObject({ code: 'ARGUMENT_TYPE' });
    }
    await expect(download(options({ endpoint: 'http://example.com' }))).rejects.toMatchObject({
      code: 'DOWNLOAD_URL_BLOCKED',
    });
    await expect(download(options({ concurrency: 0 }))).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    expect(server.requests).toEqual([]);
  });
});

describe('the cache', () => {
  it('is all that counts offline', async () => {
    await expect(download(options({ offline: true }))).rejects.toMatchObject({
      code: 'DOWNLOAD_OFFLINE',
      hint: expect.stringContaining('pocketlens pull org/model'),
    });
    await download(options({ files: ['config.json'] }));
    server.requests.length = 0;
    const offline = options({ env: { HF_HUB_OFFLINE: '1' } });
    await expect(download(offline)).rejects.toMatchObject({
      code: 'DOWNLOAD_OFFLINE',
      details: { missing: expect.arrayContaining(['model.safetensors']) },
    });
    expect(await download({ ...offline, files: ['config.json'] })).toMatchObject({ commit: COMMIT, bytesReceived: 0 });
    expect(server.requests).toEqual([]);
  });

  it('is found and described', async () => {
    const place = { repository: 'org/model', cacheDirectory: cache };
    expect(await cachedSnapshot(place)).toBeUndefined();
    await download(options({ exclude: ['*.safetensors'] }));
    expect(await cachedSnapshot(place)).toMatchObject({
      commit: COMMIT,
      directory: folder('snapshots', COMMIT),
      files: [
        { path: 'config.json', size: config.byteLength },
        { path: 'empty.txt', size: 0 },
        { path: 'nested/deeper/notes.md', size: 7 },
      ],
      missing: ['model.safetensors'],
    });
    await rm(folder('trees'), { recursive: true });
    expect(await cachedSnapshot({ ...place, revision: COMMIT })).toMatchObject({ missing: undefined });
  });

  it('is mended where a file has the wrong size, and on demand where it has other bytes', async () => {
    await download(options());
    await truncate(blob(big), 1000);
    expect((await download(options())).bytesReceived).toBe(big.byteLength);
    await writeFile(blob(big), noise(big.byteLength, 8));
    expect((await download(options())).bytesReceived).toBe(0);
    expect((await download(options({ verify: true }))).bytesReceived).toBe(big.byteLength);
    expect((await download(options({ verify: true }))).bytesReceived).toBe(0);
    expect(await holds(blob(big), big)).toBe(true);
  });

  it('is listed again when its list is damaged', async () => {
    await download(options());
    await writeFile(folder('trees', `${COMMIT}.json`), '{"format_version": 1, "files": {"../x": {}}}');
    expect((await download(options())).files).toHaveLength(4);
    expect(JSON.parse(await readFile(folder('trees', `${COMMIT}.json`), 'utf8'))).toMatchObject({
      format_version: 1,
      files: { 'model.safetensors': { size: big.byteLength, lfs_sha256: sha256(big), lfs_size: big.byteLength } },
    });
  });
});
