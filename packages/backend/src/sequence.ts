import type { Logits, LogitsRequest } from './logits.js';
import type { ImageFeatures } from './model.js';

/** A run of token ids, or the embeddings of one slice in their place. */
export type SequencePart =
  | { readonly ids: readonly number[] | Uint32Array }
  | { readonly features: ImageFeatures; readonly slice: number };

export interface AppendOptions {
  /** Default `'last'`. */
  readonly logits?: LogitsRequest;
  readonly signal?: AbortSignal;
  /** Called after each finished chunk of a long append. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** One KV cache and what can be done with it: prefill, decode, speculation, beams and prefix reuse. */
export interface SequenceV1 {
  /** Positions held. */
  readonly length: number;
  readonly capacity: number;
  /**
   * Appends parts and returns logits. One call at a time. A failed or aborted call leaves the sequence
   * at the length it had before.
   *
   * @throws {BackendError} `SEQUENCE_FULL` before any work, `SEQUENCE_BUSY`, `BACKEND_FAILED`
   * @throws {InvalidArgumentError} for no parts, an id outside the vocabulary, or foreign features
   * @throws {AbortError} `ABORTED`
   */
  append(parts: readonly SequencePart[], options?: AppendOptions): Promise<Logits>;
  /** Drops every position from `length` on. */
  truncate(length: number): void;
  /** Copies the sequence; both go their own way afterwards. */
  fork(): SequenceV1;
  /** Frees the cache; a second call does nothing. */
  dispose(): void;
}
