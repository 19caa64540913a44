import { open, readFile, type FileHandle } from 'node:fs/promises';
import { systemErrorCode } from '../errors.js';
import { isJsonObject } from '../json.js';
import type { FileDigest } from './hashed-file.js';

/** What an interrupted conversion has of a file: all of it, or its first bytes. */
export interface JournalEntry extends FileDigest {
  /** Relative to the model directory, with `/`. */
  readonly path: string;
  readonly isFinished: boolean;
}

/**
 * The record of a conversion's work, a JSON value a line: first the fingerprint of source and settings, then what is
 * safely on the disk. A line that a crash cut short counts as not written.
 */
export class Journal {
  readonly #handle: FileHandle;
  readonly #entries: Map<string, JournalEntry>;

  private constructor(handle: FileHandle, entries: Map<string, JournalEntry>) {
    this.#handle = handle;
    this.#entries = entries;
  }

  /** Begins a new record. */
  static async create(path: string, fingerprint: string): Promise<Journal> {
    const journal = new Journal(await open(path, 'w'), new Map());
    await journal.#append({ fingerprint });
    return journal;
  }

  /** Goes on with a record; nothing when there is none, or none of this fingerprint. */
  static async resume(path: string, fingerprint: string): Promise<Journal | undefined> {
    const lines = await readLines(path);
    if (lines?.[0]?.['fingerprint'] !== fingerprint) return undefined;
    const entries = new Map<string, JournalEntry>();
    for (const line of lines.slice(1)) {
      const entry = parseEntry(line);
      if (entry !== undefined) entries.set(entry.path, entry);
    }
    const journal = new Journal(await open(path, 'a'), entries);
    // Ends a line that a crash has cut.
    await journal.#handle.appendFile('\n');
    return journal;
  }

  /** Whether there is anything that a later run can go on from. */
  get hasWork(): boolean {
    return this.#entries.size > 0;
  }

  entry(path: string): JournalEntry | undefined {
    return this.#entries.get(path);
  }

  /** Records what is on the disk already: flush the file first. */
  async record(entry: JournalEntry): Promise<void> {
    await this.#append(entry);
    this.#entries.set(entry.path, entry);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #append(value: object): Promise<void> {
    await this.#handle.appendFile(`${JSON.stringify(value)}\n`);
    await this.#handle.sync();
  }
}

async function readLines(path: string): Promise<readonly Readonly<Record<string, unknown>>[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isJsonObject(value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

function parseEntry(line: Readonly<Record<string, unknown>>): JournalEntry | undefined {
  const { path, size, sha256, isFinished } = line;
  const isEntry =
    typeof path === 'string' &&
    typeof size === 'number' &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    typeof sha256 === 'string' &&
    typeof isFinished === 'boolean';
  return isEntry ? { path, size, sha256, isFinished } : undefined;
}
