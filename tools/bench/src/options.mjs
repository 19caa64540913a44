// Options that every subject has.
import path from 'node:path';
import { parseArgs } from 'node:util';

export const root = path.resolve(import.meta.dirname, '../../..');
export const folder = path.resolve(import.meta.dirname, '..');

export class UsageError extends Error {}

const COMMON = {
  rounds: { type: 'string', default: '3' },
  peers: { type: 'string' },
  metric: { type: 'string' },
  busy: { type: 'boolean', default: false },
  wait: { type: 'string', default: '60' },
  out: { type: 'string', default: path.join(folder, 'results') },
  python: { type: 'string', default: path.join(folder, '.venv', 'bin', 'python') },
  help: { type: 'boolean', short: 'h', default: false },
};

export const COMMON_USAGE = `  --rounds N      rounds; in each every peer runs once, in turn (3)
  --peers LIST    only these
  --metric NAME   time, or cpu: compare processor time (time; cpu with --busy)
  --busy          measure on a busy machine too
  --wait SECONDS  how long to wait for a quiet machine before giving up (60)
  --out DIR       where the reports go (results)
  --python FILE   the interpreter with the Python peers (.venv/bin/python)
`;

export function wholeNumber(text, name, least = 1) {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least) return value;
  throw new UsageError(`--${name}: expected a whole number of at least ${least}, got ${text}`);
}

/** Parses the common options and a subject's own. */
export function readOptions(args, own = {}) {
  const { values } = parseArgs({ args, options: { ...COMMON, ...own } });
  const metric = values.metric ?? (values.busy ? 'cpu' : 'time');
  if (!['time', 'cpu'].includes(metric)) throw new UsageError(`--metric: expected time or cpu, got ${metric}`);
  return {
    ...values,
    rounds: wholeNumber(values.rounds, 'rounds'),
    wait: wholeNumber(values.wait, 'wait', 0),
    peers: values.peers?.split(','),
    metric,
  };
}

/** The wanted peers, in their order. */
export function choosePeers(peers, wanted) {
  if (wanted === undefined) return peers;
  const unknown = wanted.filter((name) => !peers.some((peer) => peer.name === name));
  const known = peers.map(({ name }) => name).join(', ');
  if (unknown.length > 0) throw new UsageError(`--peers: ${unknown.join(', ')} unknown, there are ${known}`);
  return peers.filter(({ name }) => wanted.includes(name));
}
