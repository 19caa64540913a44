import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Everything that a reply depends on. */
export type CacheKey = Readonly<Record<string, string | number | undefined>>;

/** Replies on disk, a file each, named by the SHA-256 of what was asked. */
export class JudgeCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The reply to the same question, undefined where it was never asked or its file is damaged. */
  async get(key: CacheKey): Promise<string | undefined> {
    const text = await readFile(this.#fileOf(key), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      const { reply } = JSON.parse(text) as { readonly reply?: unknown };
      return typeof reply === 'string' ? reply : undefined;
    } catch {
      return undefined;
    }
  }

  async set(key: CacheKey, reply: string): Promise<void> {
    const file = this.#fileOf(key);
    const temporary = `${file}.${randomUUID()}.part`;
    await mkdir(dirname(file), { recursive: true });
    try {
      // The question stands beside the reply, so that a person can read what was judged.
      await writeFile(temporary, `${JSON.stringify({ ...key, reply })}\n`);
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  #fileOf(key: CacheKey): string {
    const entries = Object.entries(key).filter(([, value]) => value !== undefined);
    const digest = createHash('sha256')
      .update(JSON.stringify(entries.toSorted(byName)))
      .digest('hex');
    return join(this.#folder, digest.slice(0, 2), `${digest}.json`);
  }
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}
