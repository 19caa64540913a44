import type { RowsQuantizer } from '../quantization/worker/quantizer.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import type { FileDigest } from './hashed-file.js';
import type { ResumableFile } from './resumable-file.js';

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
  readonly quantizer: RowsQuantizer;
  /**
   * Opens a file of weights, with what an interrupted run has written of it; `path` is relative to the directory.
   * Weights that end at or before the file's `size` are there already.
   */
  readonly open: (path: string, expectedBytes: number) => Promise<ResumableFile>;
  /** Called for every piece of weights written. */
  readonly onBytes: (path: string, bytes: number) => void;
  /** Called for weights that an interrupted run has written already. */
  readonly onResumed: (path: string, bytes: number) => void;
}
