import type { Checkpoint } from '../safetensors/checkpoint.js';
import type { FileDigest } from './hashed-file.js';

/** A finished file of the model directory. */
export interface WrittenFile extends FileDigest {
  /** Relative to the model directory, with `/`. */
  readonly path: string;
}

/** What the writers of the model directory's files share. */
export interface OutputContext {
  readonly checkpoint: Checkpoint;
  /** Directory that the files go to. */
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
  /** Called for every piece of weights written. */
  readonly onBytes: (path: string, bytes: number) => void;
}
