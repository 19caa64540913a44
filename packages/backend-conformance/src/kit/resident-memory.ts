import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** Resident memory of this process in bytes, after its garbage was collected. */
export function residentMemory(): number {
  collect ??= garbageCollector();
  collect();
  return memoryUsage().rss;
}

/** Node offers its collector only to contexts that are made after the flag was set. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
