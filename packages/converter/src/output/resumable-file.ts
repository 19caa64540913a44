import { join } from 'node:path';
import { HashedFile } from './hashed-file.js';
import type { Journal } from './journal.js';
import type { WrittenFile } from './output.js';

/** A checkpoint costs a flush: one for every 64th of a file, and not below this many bytes. */
const MIN_CHECKPOINT_BYTES = 1024 * 1024;
const CHECKPOINTS_PER_FILE = 64;

/**
 * A file of the model directory that a later run can finish. Writers ask `size` what is there already and leave it out.
 */
export class ResumableFile {
  readonly #path: string;
  readonly #file: HashedFile;
  readonly #journal: Journal;
  readonly #checkpointBytes: number;
  #recorded: number;
  /** Flushes and records a checkpoint while the next bytes are written. */
  #recording: Promise<void> = Promise.resolve();

  private constructor(path: string, file: HashedFile, journal: Journal, checkpointBytes: number) {
    this.#path = path;
    this.#file = file;
    this.#journal = journal;
    this.#checkpointBytes = checkpointBytes;
    this.#recorded = file.size;
  }

  /**
   * Opens a file as the journal knows it. The bytes that are there are hashed again: only what is as recorded counts.
   *
   * @param path - relative to the directory, with `/`
   * @param expectedBytes - size of the finished file, for the distance of checkpoints
   */
  static async open(
    directory: string,
    path: string,
    { journal, expectedBytes }: { readonly journal: Journal; readonly expectedBytes: number },
  ): Promise<ResumableFile> {
    const entry = journal.entry(path);
    const absolute = join(directory, path);
    const resumed = entry === undefined ? undefined : await HashedFile.resume(absolute, entry);
    const checkpointBytes = Math.max(MIN_CHECKPOINT_BYTES, expectedBytes / CHECKPOINTS_PER_FILE);
    return new ResumableFile(path, resumed ?? (await HashedFile.create(absolute)), journal, checkpointBytes);
  }

  /** Bytes written so far, those of earlier runs included. */
  get size(): number {
    return this.#file.size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes);
  }

  /** Writes zeros up to an offset from the file's start. */
  async padTo(offset: number): Promise<void> {
    await this.#file.padTo(offset);
  }

  /**
   * Says that a later run can go on from here; recorded when enough was written since the last time. What fails while it is
   * recorded is thrown by the next call.
   */
  async checkpoint(): Promise<void> {
    const { size } = this.#file;
    if (size - this.#recorded < this.#checkpointBytes) return;
    await this.#recording;
    this.#recorded = size;
    this.#recording = this.#record();
    this.#recording.catch(() => undefined);
  }

  async #record(): Promise<void> {
    const digest = await this.#file.flush();
    await this.#journal.record({ path: this.#path, ...digest, isFinished: false });
  }

  /** Flushes the file to the disk, closes and records it. */
  async finish(): Promise<WrittenFile> {
    await this.#recording;
    const digest = await this.#file.finish();
    const known = this.#journal.entry(this.#path);
    if (known?.isFinished !== true || known.sha256 !== digest.sha256) {
      await this.#journal.record({ path: this.#path, ...digest, isFinished: true });
    }
    return { path: this.#path, ...digest };
  }

  /** Closes the file without a result. */
  async abandon(): Promise<void> {
    await this.#recording.catch(() => undefined);
    await this.#file.abandon();
  }
}
