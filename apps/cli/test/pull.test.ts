import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMMIT, HubServer, noise, sha256 } from '../../../packages/converter/test/hub-server.js';
import { type Folder, root, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

// Processes that can be killed run the compiled command, as people do.
const main = path.join(root, 'apps', 'cli', 'bin', 'pocketlens.mjs');
/** A busy machine may take long to start a process. */
const PATIENCE_MS = 120_000;
const weights = noise(6 << 20, 7);
const config = new TextEncoder().encode('{}');
let server: HubServer;
let folder: Folder;
let env: Record<string, string>;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Pulled {
  readonly commit: string;
  readonly directory: string;
  readonly bytesReceived: number;
  readonly files: readonly { readonly path: string; readonly source: string }[];
}

function start(...args: string[]): ChildProcess {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HF_')));
  return spawn(process.execPath, [main, 'pull', 'org/model', '--json', ...args], {
    stdio: 'pipe',
    env: { ...clean, NODE_OPTIONS: '', ...env },
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** What a pull has done: of a process, or of this one. */
async function pulled(ending: Promise<Ended> = pocketlens(['pull', 'org/model', '--json'], { env })): Promise<Pulled> {
  const { code, stdout, stderr } = await ending;
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('error') });
  return jsonLines(stdout)[0] as Pulled;
}

const blob = (name: string): string => path.join(folder.path, 'home', 'hub', 'models--org--model', 'blobs', name);
const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => undefined))?.size ?? 0;
const incomplete = (): string => blob(`${sha256(weights)}.incomplete`);
const arrived = (bytes: number): Promise<void> =>
  expect.poll(() => sizeOf(incomplete()), { interval: 20, timeout: PATIENCE_MS }).toBeGreaterThan(bytes);
const holdsWeights = async (directory: string): Promise<boolean> =>
  Buffer.compare(await readFile(path.join(directory, 'model.safetensors')), weights) === 0;
const asked = (): (string | undefined)[] =>
  server.requests.filter(({ host }) => host === 'cdn').map(({ headers }) => headers.range);

beforeAll(async () => {
  const compiler = path.join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [compiler, '-b', path.join(root, 'apps', 'cli')]);
}, 2 * PATIENCE_MS);
beforeEach(async () => {
  server = await HubServer.start({
    'config.json': { content: config },
    'model.safetensors': { content: weights, lfs: true },
  });
  folder = await temporaryFolder();
  env = { HF_HOME: path.join(folder.path, 'home'), HF_ENDPOINT: server.endpoint };
});
afterEach(async () => {
  await server.stop();
  await folder.remove();
});

describe('pocketlens pull', { timeout: 2 * PATIENCE_MS }, () => {
  it('prints where the files are, and what it did beside it', async () => {
    const first = await pocketlens(['pull', 'org/model'], { env });
    const directory = path.join(folder.path, 'home', 'hub', 'models--org--model', 'snapshots', COMMIT);
    expect(first).toMatchObject({ code: 0, stdout: `${directory}\n` });
    expect(first.stderr).toContain('2 files, 6.3 MB, 6.3 MB received');
    expect((await pocketlens(['pull', 'org/model'], { env })).stderr).toContain('all of it was here');
    expect((await readdir(directory)).toSorted()).toEqual(['config.json', 'model.safetensors']);
  });

  it('takes its options', async () => {
    const cache = path.join(folder.path, 'elsewhere');
    const target = path.join(folder.path, 'model');
    const args = ['--endpoint', server.endpoint, '--cache', cache, '--target', target, '--revision', COMMIT, '--json'];
    const { code, stdout } = await pocketlens(['pull', 'org/model', ...args, '--include', '*.json', '*.txt']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      {
        repository: 'org/model',
        revision: COMMIT,
        commit: COMMIT,
        directory: target,
        files: [{ path: 'config.json', size: 2, source: 'network' }],
        bytesReceived: 2,
      },
    ]);
    expect(await readdir(cache)).toContain('models--org--model');
  });

  it('fails in one line with a next step', async () => {
    const absent = await pocketlens(['pull', 'org/absent', '--json'], { env });
    expect(absent.code).toBe(1);
    expect(jsonLines(absent.stdout)).toEqual([{ error: expect.objectContaining({ code: 'REPOSITORY_NOT_FOUND' }) }]);
    expect(absent.stderr.trim().split('\n')).toHaveLength(2);
    const offline = await pocketlens(['pull', 'org/model'], { env: { ...env, HF_HUB_OFFLINE: '1' } });
    expect(offline).toMatchObject({ code: 1, stderr: expect.stringContaining('run `pocketlens pull org/model`') });
    expect(await pocketlens(['pull', '../up'], { env })).toMatchObject({ code: 2 });
    expect(await pocketlens(['pull'], { env })).toMatchObject({ code: 2 });
    expect(await pocketlens(['pull', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('HF_ENDPOINT'),
    });
  });

  it('asks only for what is missing after it was killed, each time', async () => {
    server.fault = ({ host }, nth) => (host === 'cdn' && nth <= 2 ? { stallAfter: 2 << 20 } : undefined);
    const sizes: number[] = [];
    for (const enough of [1 << 20, 3 << 20]) {
      const child = start();
      const ending = ended(child);
      await arrived(enough);
      child.kill('SIGKILL');
      expect((await ending).code).toBeNull();
      sizes.push(await sizeOf(incomplete()));
    }
    const { bytesReceived, directory } = await pulled();
    expect(asked()).toEqual([undefined, `bytes=${sizes[0]}-`, `bytes=${sizes[1]}-`]);
    expect(bytesReceived).toBe(weights.byteLength - (sizes[1] ?? 0));
    expect(await holdsWeights(directory)).toBe(true);
    expect(await readdir(blob('.'))).toHaveLength(2);
  });

  it('ends with 130 on Ctrl-C and keeps what it has', async () => {
    server.fault = ({ host }, nth) => (host === 'cdn' && nth === 1 ? { stallAfter: 2 << 20 } : undefined);
    const child = start();
    const ending = ended(child);
    await arrived(1 << 20);
    child.kill('SIGINT');
    expect(await ending).toMatchObject({ code: 130, stdout: expect.stringContaining('ABORTED') });
    const size = await sizeOf(incomplete());
    expect(size).toBeGreaterThan(1 << 20);
    expect((await pulled()).bytesReceived).toBe(weights.byteLength - size);
  });

  it('fetches each byte once when two processes pull at the same time', async () => {
    server.fault = ({ host }) => (host === 'cdn' ? { pace: 10 } : undefined);
    const child = pulled(ended(start()));
    await arrived(1 << 16);
    const [one, other] = await Promise.all([child, pulled()]);
    expect(one.bytesReceived + other.bytesReceived).toBe(weights.byteLength + config.byteLength);
    expect(server.transfers('model.safetensors')).toHaveLength(1);
    for (const { directory } of [one, other]) expect(await holdsWeights(directory)).toBe(true);
  });

  it('takes over from a process that dies while another waits for it', async () => {
    server.fault = ({ host }, nth) => (host === 'cdn' && nth === 1 ? { stallAfter: 2 << 20 } : undefined);
    const owner = start();
    const ending = ended(owner);
    await arrived(1 << 20);
    const waiting = pulled();
    const lookUps = (): number => server.requests.filter(({ url }) => url.includes('/revision/')).length;
    await expect.poll(lookUps, { interval: 20, timeout: PATIENCE_MS }).toBe(2);
    owner.kill('SIGKILL');
    await ending;
    const { bytesReceived } = await waiting;
    expect(bytesReceived).toBeLessThan(weights.byteLength);
    expect(asked()).toHaveLength(2);
    expect(asked()[1]).toMatch(/^bytes=\d{7}-$/);
  });
});
