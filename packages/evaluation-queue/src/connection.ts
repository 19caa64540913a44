import { Redis } from 'ioredis';

import { AbortError, QueueError } from './errors.js';

/** What a connection has to tell while it is used. */
export type ConnectionEvent = { readonly type: 'connection-lost' | 'connection-back'; readonly host: string };

/** A Redis or Valkey server that was there when it was connected, and is waited for when it goes away. */
export interface Connection {
  /** Host and port, without user and password. */
  readonly host: string;
  readonly redis: Redis;
  /** Ends it at once, whatever is still unanswered. */
  close(): void;
}

const FIRST_CONNECT_MS = 10_000;
const LONGEST_PAUSE_MS = 2000;
/** BullMQ needs streams and the scripts of Redis 6.2. */
const OLDEST_REDIS = [6, 2] as const;

/**
 * Connects, and says in one sentence why that is not possible. From then on every lost connection is made again, and what was
 * asked meanwhile is answered afterwards.
 *
 * @param url - `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS
 * @throws {QueueError} `QUEUE_URL`, `QUEUE_UNREACHABLE`, `QUEUE_REFUSED`, `QUEUE_VERSION`
 * @throws {AbortError} `ABORTED`
 */
export async function connect(
  url: string,
  {
    onEvent,
    signal,
  }: { onEvent?: ((event: ConnectionEvent) => void) | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Connection> {
  const host = hostOf(url);
  let isReady = false;
  let isLost = false;
  let failure: Error | undefined;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: FIRST_CONNECT_MS,
    // BullMQ asks for it: what is asked while the server is away waits for it.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (isReady ? Math.min(times * 100, LONGEST_PAUSE_MS) : null),
  });
  redis.on('error', (error: Error) => (failure = error));
  const stop = (): void => redis.disconnect();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await redis.connect();
    await requireVersion(redis, host);
  } catch (error) {
    redis.disconnect();
    if (signal?.aborted) throw new AbortError(signal);
    throw error instanceof QueueError ? error : describe(host, failure ?? error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  isReady = true;
  let isClosed = false;
  redis.on('close', () => {
    if (isLost || isClosed) return;
    isLost = true;
    onEvent?.({ type: 'connection-lost', host });
  });
  redis.on('ready', () => {
    if (isLost) onEvent?.({ type: 'connection-back', host });
    isLost = false;
  });
  return {
    host,
    redis,
    close() {
      isClosed = true;
      redis.disconnect();
    },
  };
}

function hostOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isRedis = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:';
  if (!isRedis || parsed.hostname === '') {
    // The address may hold a password, so it is not repeated.
    throw new QueueError(
      'QUEUE_URL',
      'Expected the address of the queue to begin with redis:// or rediss:// and a host.',
      {
        hint: 'For example redis://127.0.0.1:6379, or rediss://user:password@host:6380/2.',
      },
    );
  }
  return parsed.port === '' ? `${parsed.hostname}:6379` : parsed.host;
}

async function requireVersion(redis: Redis, host: string): Promise<void> {
  const info = await redis.info('server');
  const found = /^redis_version:(\d+)\.(\d+)/m.exec(info);
  if (!found) return;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  if (major > OLDEST_REDIS[0] || (major === OLDEST_REDIS[0] && minor >= OLDEST_REDIS[1])) return;
  throw new QueueError(
    'QUEUE_VERSION',
    `Expected Redis ${OLDEST_REDIS.join('.')} or newer at ${host}, got ${major}.${minor}.`,
  );
}

function describe(host: string, cause: unknown): QueueError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/^(?:NOAUTH|WRONGPASS|NOPERM)|without any password/.test(message)) {
    const why = message.startsWith('NOAUTH') ? 'it wants a password' : message.replace(/^[A-Z]+ |\.$/g, '');
    return new QueueError('QUEUE_REFUSED', `Redis at ${host} does not let us in: ${why}.`, {
      cause,
      hint: 'Put user and password into the address: redis://user:password@host:6379.',
    });
  }
  return new QueueError('QUEUE_UNREACHABLE', `Cannot reach Redis at ${host}: ${reason(cause, message)}.`, {
    cause,
    hint: 'Start redis-server or valkey-server there, or name the address at which it runs.',
  });
}

function reason(cause: unknown, message: string): string {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'no host of that name is known';
  if (code === 'ETIMEDOUT' || message === 'connect ETIMEDOUT') return `no answer within ${FIRST_CONNECT_MS / 1000} s`;
  return message.replace(/\.$/, '');
}
