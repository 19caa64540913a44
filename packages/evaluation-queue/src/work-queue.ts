import type { Patience } from '@pocketlens/evaluation';
import type { Redis } from 'ioredis';

import { QueueError } from './errors.js';
import { describeIdentity, fingerprintOf, type ModelIdentity } from './model-identity.js';

/** Before every key that BullMQ or this package writes. */
export const PREFIX = 'pocketlens';

/** How often the holder of a shard may vanish before nobody else gets it as it is. */
export const MOST_STALLS = 2;

/** Samples that one worker takes at once. The questions themselves stand elsewhere, so that an answered one costs nothing. */
export interface Shard {
  readonly run: string;
  readonly indices: readonly string[];
  readonly patience: Patience;
}

/** The queue of a model: workers only ever see questions for the model they have. */
export function queueNameOf(identity: ModelIdentity): string {
  return `work-${fingerprintOf(identity)}`;
}

/** @throws {QueueError} `QUEUE_MESSAGE` for what is no shard */
export function requireShard(value: unknown): Shard {
  const { run, indices, patience } = (value ?? {}) as Partial<Shard>;
  const isShard =
    typeof run === 'string' &&
    Array.isArray(indices) &&
    indices.every((index) => typeof index === 'string') &&
    typeof patience === 'object';
  if (isShard) return { run, indices, patience };
  throw new QueueError('QUEUE_MESSAGE', 'Expected a list of samples in the queue, got something else.', {
    hint: 'Run the same version of Pocketlens everywhere, and let nothing else write to this database.',
  });
}

const BOARD = `${PREFIX}:model:`;
const BOARD_S = 60;

/** Says for a minute that somebody waits for answers of this model. */
export async function announceModel(redis: Redis, identity: ModelIdentity): Promise<void> {
  await redis.set(BOARD + fingerprintOf(identity), describeIdentity(identity), 'EX', BOARD_S);
}

/** Models of which somebody wants answers, but not the given one. */
export async function otherModelsWanted(redis: Redis, identity: ModelIdentity): Promise<string[]> {
  const own = BOARD + fingerprintOf(identity);
  const wanted: string[] = [];
  for await (const keys of redis.scanStream({ match: `${BOARD}*`, count: 100 }) as AsyncIterable<string[]>) {
    for (const key of keys) {
      const described = key === own ? null : await redis.get(key);
      if (described !== null) wanted.push(described);
    }
  }
  return [...new Set(wanted)];
}
