import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { arch, cpus, platform } from 'node:os';

/** The form of the entries; a change makes old ones unused. */
const CACHE_VERSION = 2;

/** What decides how an engine packs the weights of a graph. */
export interface PackingFacts {
  /** sha256 of the graph file and of its data files, in order. */
  readonly fileHashes: readonly string[];
  readonly runtimeVersion: string;
  /** What tells this processor's instructions from another's. */
  readonly processor: string;
}

/** Name of a cache entry: equal only where the packed weights are. */
export function cacheKey({ fileHashes, runtimeVersion, processor }: PackingFacts): string {
  const facts = JSON.stringify([CACHE_VERSION, fileHashes, runtimeVersion, processor]);
  return createHash('sha256').update(facts).digest('hex').slice(0, 40);
}

/** Instruction flags where the system tells them, and the processor's name: packed weights suit no other one. */
export async function processorFacts(): Promise<string> {
  const information = platform() === 'linux' ? await readFile('/proc/cpuinfo', 'utf8').catch(() => '') : '';
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(information)?.[1] ?? '';
  return [platform(), arch(), cpus()[0]?.model ?? '', flags].join('|');
}
