import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** The command that is there, Redis or Valkey. */
const command = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0);

/** Why tests that need a server are skipped; undefined when they are not. */
export const withoutRedis: string | undefined = command
  ? undefined
  : 'redis-server is not installed (Debian: apt-get install redis-server)';

/** A Redis of its own on this machine, which writes every change to the disk. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  static async start(...args: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'pocketlens-redis-')), args);
    await server.begin();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async begin(): Promise<void> {
    const settings = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    const persistence = ['--appendonly', 'yes', '--appendfsync', 'always'];
    this.#process = spawn(command!, [...settings, ...persistence, ...this.#args], { stdio: 'ignore' });
    for (;;) {
      const client = new Redis(this.port, { lazyConnect: true, retryStrategy: () => null });
      let isReady = false;
      // Who wants a password is there.
      client.on('error', ({ message }) => (isReady ||= message.startsWith('NOAUTH')));
      await client.connect().then(
        () => (isReady = true),
        () => {},
      );
      client.disconnect();
      if (isReady) return;
      await delay(20);
    }
  }

  /** Ends it, at once. What it has told anybody is on the disk. */
  async kill(): Promise<void> {
    const server = this.#process!;
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
