import { readFile } from 'node:fs/promises';
import process from 'node:process';

/** Memory of this process, in bytes. */
export interface MemoryUse {
  readonly residentBytes: number;
  /** Not backed by a file: what the system cannot take back. `null` where the system does not tell. */
  readonly anonymousBytes: number | null;
}

/** A field of `/proc/PID/smaps_rollup` or `/proc/meminfo`, in bytes; `undefined` when it has none. */
export function kilobyteField(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);
  return found === null ? undefined : Number(found[1]) * 1024;
}

/** Reads the memory use now: exact on Linux, resident memory only elsewhere. */
export async function readMemoryUse(): Promise<MemoryUse> {
  const rollup = await readFile('/proc/self/smaps_rollup', 'latin1').catch(() => '');
  return {
    residentBytes: kilobyteField(rollup, 'Rss') ?? process.memoryUsage.rss(),
    anonymousBytes: kilobyteField(rollup, 'Anonymous') ?? null,
  };
}

/** The most resident memory since the process began, in bytes. */
export function peakResidentBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** The most memory of several looks. */
export class MemoryWatch {
  #most: MemoryUse = { residentBytes: 0, anonymousBytes: null };

  async look(): Promise<void> {
    const now = await readMemoryUse();
    this.#most = {
      residentBytes: Math.max(this.#most.residentBytes, now.residentBytes),
      anonymousBytes: now.anonymousBytes === null ? null : Math.max(this.#most.anonymousBytes ?? 0, now.anonymousBytes),
    };
  }

  get most(): MemoryUse {
    return this.#most;
  }
}
