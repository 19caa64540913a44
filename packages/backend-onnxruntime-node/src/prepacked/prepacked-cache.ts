import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { defaultCacheDirectory } from './cache-directory.js';

const FOLDER = 'prepacked';
const GRAPH = 'graph.onnx';
const DATA = 'graph.onnx_data';
/** Written last: an entry without it, or with other sizes, is not one. */
const ENTRY = 'entry.json';
const TEMPORARY = /^tmp-(\d+)-[0-9a-z]+$/;
/** Packed and unpacked weights beside each other; float16 ones are widened first. */
const MOST_GROWTH = 5;

/** The files that an engine is asked to write. */
export interface PackedFiles {
  readonly graph: string;
  /** Name of the data file, beside the graph. */
  readonly dataName: string;
}

/** Graphs with their weights packed for this machine, in a folder that can be deleted at any time. */
export class PrepackedCache {
  readonly #folder: string;

  /** @param directory - default: the usual place of this system */
  constructor(directory: string = defaultCacheDirectory()) {
    this.#folder = join(directory, FOLDER);
  }

  /** Path of the graph of an entry, when it is there and whole. */
  async find(key: string): Promise<string | undefined> {
    const folder = join(this.#folder, key);
    try {
      const sizes = JSON.parse(await readFile(join(folder, ENTRY), 'utf8')) as Record<string, number>;
      for (const name of [GRAPH, DATA]) if ((await stat(join(folder, name))).size !== sizes[name]) return undefined;
      return join(folder, GRAPH);
    } catch {
      return undefined;
    }
  }

  /**
   * Makes an entry: `write` fills a new folder, which then takes its name in one step. Another process may make the
   * same one meanwhile; one of the two stays.
   *
   * @param sourceBytes - size of the graph's files; nothing is made where the disk could become full
   * @returns path of the graph, or undefined where there is no entry for lack of room or rights
   */
  async make(
    key: string,
    sourceBytes: number,
    write: (files: PackedFiles) => Promise<void>,
  ): Promise<string | undefined> {
    const temporary = join(this.#folder, `tmp-${process.pid}-${Math.random().toString(36).slice(2)}`);
    try {
      await mkdir(temporary, { recursive: true });
      await this.#removeAbandoned();
      const { bavail, bsize } = await statfs(this.#folder);
      if (bavail * bsize < sourceBytes * MOST_GROWTH) return undefined;
      await write({ graph: join(temporary, GRAPH), dataName: DATA });
      const sizes = await Promise.all(
        [GRAPH, DATA].map(async (name) => [name, (await stat(join(temporary, name))).size] as const),
      );
      await writeFile(join(temporary, ENTRY), JSON.stringify(Object.fromEntries(sizes)));
      // A damaged entry makes way; a whole one, which another process made meanwhile, stays.
      if ((await this.find(key)) === undefined) await this.discard(key);
      await rename(temporary, join(this.#folder, key)).catch(() => undefined);
      return await this.find(key);
    } catch {
      // A cache that cannot be written is none: the model itself is not affected.
      return undefined;
    } finally {
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  /** Removes an entry, whole or not. */
  async discard(key: string): Promise<void> {
    await rm(join(this.#folder, key), { recursive: true, force: true });
  }

  /** Deletes all entries. Returns the bytes that they held. */
  async clear(): Promise<number> {
    const names = await readdir(this.#folder, { recursive: true }).catch(() => []);
    const sizes = await Promise.all(
      names.map((name) => stat(join(this.#folder, name)).then((file) => (file.isFile() ? file.size : 0))),
    );
    await rm(this.#folder, { recursive: true, force: true });
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Removes what processes that have ended left unfinished. */
  async #removeAbandoned(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const owner = TEMPORARY.exec(name)?.[1];
      if (owner !== undefined && !isRunning(Number(owner))) {
        await rm(join(this.#folder, name), { recursive: true, force: true });
      }
    }
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && Reflect.get(error, 'code') === 'EPERM';
  }
}

/**
 * Deletes the weights that were packed for this machine; they are made again when they are asked for.
 *
 * @param directory - as given to `prepacked`; default: the usual cache directory
 * @returns bytes that were freed
 */
export function clearPrepacked(directory?: string): Promise<number> {
  return new PrepackedCache(directory).clear();
}
