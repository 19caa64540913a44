import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { defaultCacheDirectory } from '../prepacked/cache-directory.js';
import type { Tuning } from './tuning.js';

const FOLDER = 'tuning';

/** Choices of settings, a small file each, in a folder that can be deleted at any time. */
export class TuningCache {
  readonly #folder: string;

  /** @param directory - default: the usual place of this system */
  constructor(directory: string = defaultCacheDirectory()) {
    this.#folder = join(directory, FOLDER);
  }

  /** The choice of a key; undefined where there is none, and where the file is damaged or of another form. */
  async find(key: string): Promise<Tuning | undefined> {
    try {
      return parseTuning(JSON.parse(await readFile(this.#file(key), 'utf8')), key);
    } catch {
      return undefined;
    }
  }

  /** Writes a choice beside its name first. Returns false where the folder cannot be written. */
  async store(key: string, { threads, spinning, prefillChunk }: Tuning): Promise<boolean> {
    const temporary = `${this.#file(key)}.${process.pid}-${Math.random().toString(36).slice(2)}.tmp`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(temporary, `${JSON.stringify({ key, threads, spinning, prefillChunk })}\n`);
      await rename(temporary, this.#file(key));
      return true;
    } catch {
      // A cache that cannot be written is none: the choice still serves the one who made it.
      await rm(temporary, { force: true }).catch(() => undefined);
      return false;
    }
  }

  #file(key: string): string {
    return join(this.#folder, `${key}.json`);
  }
}

/** A file holds its key, so that one which was copied to another name is not taken for that. */
function parseTuning(value: unknown, key: string): Tuning | undefined {
  if (typeof value !== 'object' || value === null || Reflect.get(value, 'key') !== key) return undefined;
  const { threads, spinning, prefillChunk } = value as Readonly<Record<string, unknown>>;
  if (!isCount(threads, availableParallelism()) || !isCount(prefillChunk, MOST_POSITIONS)) return undefined;
  return typeof spinning === 'boolean' ? { threads, spinning, prefillChunk } : undefined;
}

/** More than any candidate: a number from elsewhere must not ask for a pass of any size. */
const MOST_POSITIONS = 4096;

function isCount(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most;
}
