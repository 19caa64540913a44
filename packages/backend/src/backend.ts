import type { BackendModelV1, Dtype } from './model.js';
import type { ModelSource } from './source.js';

/** Whether a backend can run here, and on what. */
export interface BackendReport {
  readonly available: boolean;
  /** Why not, in one sentence; absent when available. */
  readonly reason?: string;
  readonly version?: string;
  readonly devices: readonly string[];
  readonly threads?: number;
}

export interface LoadModelOptions {
  /** Default: the first that the model directory holds, fp32 before fp16. */
  readonly dtype?: Dtype;
  /**
   * Weights of the language model for long appends, where others multiply many rows faster than those of `dtype`; the rest
   * of the model is that of `dtype`, and both share the key-value cache. Default: none but `dtype`.
   */
  readonly prefillDtype?: Dtype;
  readonly threads?: number;
  /**
   * Positions that one pass of a long append takes; the signal is seen, and progress told, between passes. Default:
   * what the backend finds fast and small.
   */
  readonly prefillChunk?: number;
  /**
   * How keys and values of a sequence are stored: `'int8'` takes a quarter of the memory of `'float32'`, and changes the
   * logits a little. Default `'float32'`.
   */
  readonly kvCache?: 'float32' | 'int8';
  /**
   * `'low'`: the vision encoder and the language model take turns in memory; every change between pictures and text
   * costs the time to open one of them. Default `'normal'`: both stay.
   */
  readonly memory?: 'normal' | 'low';
  /** Compares the sha256 of every file with the manifest before loading. Default false: sizes only. */
  readonly verify?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The seam where inference engines plug in.
 *
 * `probe()` never throws. `loadModel` takes a directory, or a `ModelSource` where there is no file system.
 */
export interface BackendV1 {
  readonly specificationVersion: 'v1';
  readonly name: string;
  probe(): Promise<BackendReport>;
  loadModel(source: string | ModelSource, options?: LoadModelOptions): Promise<BackendModelV1>;
}
