import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import path from 'node:path';
import type { RunManifest } from '@pocketlens/evaluation';
import type { ConnectionEvent, ModelIdentity, QueueEvent } from '@pocketlens/evaluation-queue';
import type { CliIo } from '../io.js';

const PASSWORD_VARIABLE = 'POCKETLENS_QUEUE_PASSWORD';

/** Help for `--queue`. */
export const QUEUE: string = `Redis or Valkey, as redis://host:6379; a password can stand in ${PASSWORD_VARIABLE}`;

/** The address with the password of the environment, where it has none: others can read the arguments of a process. */
export function queueAddress(url: string, { env }: Pick<CliIo, 'env'>): string {
  const password = env[PASSWORD_VARIABLE];
  if (password === undefined || password === '' || !URL.canParse(url)) return url;
  const parsed = new URL(url);
  if (parsed.password === '') parsed.password = encodeURIComponent(password);
  return parsed.href;
}

/** What of a model must be equal so that workers give the answers that the run asked for: not where it is, nor its threads. */
export function identityOf({ name, provider, sha256, options }: RunManifest['model']): ModelIdentity {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const { dtype, prefillDtype, dialect } = options;
  return { name, provider, sha256, dtype: text(dtype), prefillDtype: text(prefillDtype), dialect: text(dialect) };
}

/** Name of a run in the queue: the same when it is started again, another for any other run. */
export function queueRunOf({ startedAt, data }: RunManifest, output: string): string {
  const facts = [hostname(), path.resolve(output), startedAt, data.sha256];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

/** Everything is readable on its way to a server elsewhere that is not asked for TLS. */
export function queueEncryptionNote(url: string): string {
  const { protocol, hostname } = new URL(url);
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  return protocol === 'rediss:' || isLocal ? '' : ', not encrypted';
}

/** A line for standard error. */
export function describeConnection({ type, host }: ConnectionEvent): string {
  return type === 'connection-lost'
    ? `warning: lost Redis at ${host}, waiting for it\n`
    : `note: Redis at ${host} is back\n`;
}

/** A line for standard error. */
export function describeQueueEvent(event: QueueEvent): string {
  if (event.type === 'no-workers')
    return 'note: no worker is there; start some with `pocketlens worker --queue URL` and the same --model\n';
  if (event.type === 'workers') return `note: ${event.count} worker${event.count === 1 ? '' : 's'}\n`;
  return describeConnection(event);
}
