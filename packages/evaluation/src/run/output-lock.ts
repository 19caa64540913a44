import { FileLock } from '@pocketlens/file-lock';

import { AbortError, RunError } from '../errors.js';

/** The right to write a predictions file, and what lies beside it; given back at the latest when the process ends. */
export interface OutputLock {
  readonly output: string;
  release(): Promise<void>;
}

/**
 * Keeps other runs away from a predictions file: two that append to one file would both ask every question. The lock of a
 * process that was killed is free at once; one that another machine holds is watched, at most 30 seconds.
 *
 * @param output - the predictions file; the lock is `OUTPUT.lock` beside it
 * @throws {RunError} `RUN_LOCKED` naming the process that writes the file
 * @throws {AbortError} `ABORTED`
 */
export async function lockOutput(output: string, signal?: AbortSignal): Promise<OutputLock> {
  const path = `${output}.lock`;
  const lock = new FileLock(path);
  const isOurs = await lock.acquire(signal).catch((error: unknown) => {
    throw signal?.aborted ? new AbortError(signal) : error;
  });
  if (isOurs) return { output, release: () => lock.release() };
  const owner = await lock.owner();
  const host = owner?.machine.split(' ')[0];
  const holder = owner === undefined ? 'another process' : `process ${owner.pid} on ${host}`;
  throw new RunError('RUN_LOCKED', `Expected ${output} for this run alone, but ${holder} is writing it.`, {
    hint: `Wait until that run has ended or stop it, then start this one again: it goes on where that one was. Or name another output.`,
    details: { output, lock: path, ...(owner && { pid: owner.pid, host }) },
  });
}
