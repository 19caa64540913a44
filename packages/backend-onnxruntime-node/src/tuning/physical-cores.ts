import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/**
 * Cores that do not share their arithmetic units with another, as far as this process may use them. Only Linux tells;
 * elsewhere the cores that the process may use.
 */
export async function physicalCores(): Promise<number> {
  const information = await readFile('/proc/cpuinfo', 'latin1').catch(() => '');
  return Math.min(parsePhysicalCores(information) ?? Infinity, availableParallelism());
}

/** Pairs of package and core in `/proc/cpuinfo`; undefined where it does not number them, as on ARM. */
export function parsePhysicalCores(information: string): number | undefined {
  const cores = new Set<string>();
  for (const processor of information.split(/\n\s*\n/)) {
    const [chip, core] = ['physical id', 'core id'].map(
      (name) => new RegExp(`^${name}\\s*:\\s*(\\d+)`, 'm').exec(processor)?.[1],
    );
    if (core !== undefined) cores.add(`${chip ?? 0} ${core}`);
  }
  return cores.size === 0 ? undefined : cores.size;
}
