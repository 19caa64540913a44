import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Memory of this process in bytes, after its garbage was collected. The resident part sees native memory and other threads,
 * but not what fills pages that were free before; the part of JavaScript sees every array of this thread.
 */
export function memoryInUse(): { readonly resident: number; readonly javascript: number } {
  collect ??= garbageCollector();
  collect();
  const { rss, heapUsed, external } = memoryUsage();
  return { resident: rss, javascript: heapUsed + external };
}

/** Node offers its collector only to contexts that are made after the flag was set. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
