import type { AskJudge } from './judge.js';

/** How a question is repeated until its reply can be read. */
export interface Tries {
  readonly prompt: string;
  /** Default `user`. */
  readonly role?: 'user' | 'system';
  readonly count: number;
  /** Added to the temperature for each further try, from 0. */
  readonly temperatureStep: number;
}

/**
 * Asks until `read` finds something in a reply; undefined when no reply could be read. A judge that refuses is not asked
 * again: its reply is empty.
 */
export async function askUntilRead<T>(
  { prompt, role, count, temperatureStep }: Tries,
  ask: AskJudge,
  read: (reply: string) => T | undefined,
): Promise<T | undefined> {
  for (let attempt = 0; attempt < count; attempt += 1) {
    const found = read(await ask({ prompt, ...(role && { role }), temperature: temperatureStep * attempt, attempt }));
    if (found !== undefined) return found;
  }
  return undefined;
}
