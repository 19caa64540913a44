import { createHash } from 'node:crypto';

/** What tells a model from others whose answers would differ, by name of the fact: `sha256`, `dtype`. */
export type ModelIdentity = Readonly<Record<string, string | null>>;

const DIGITS = 16;

/** Sixteen hexadecimal digits that are equal for equal identities. */
export function fingerprintOf(identity: ModelIdentity): string {
  const facts = Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, DIGITS);
}

/** `name tiny, dtype fp16, sha256 1c2b…`, for people. */
export function describeIdentity(identity: ModelIdentity): string {
  return Object.entries(identity)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value!.length === 64 ? `${value!.slice(0, 12)}…` : value}`)
    .join(', ');
}
