import type { Logits } from './logits.js';
import type { SequencePart, SequenceV1 } from './sequence.js';

/** Storage type of the weights of a model part. */
export type Dtype = 'fp32' | 'fp16' | 'int8' | 'q4' | 'q4f16';

/** The numbers of a model that callers of a backend rely on. */
export interface ModelConfig {
  readonly name: string;
  /** Version of the MiniCPM-V family, as `config.json` writes it: "2.5", "2.6", ... */
  readonly version: string;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Most positions (text and image) of a sequence. */
  readonly maxPositions: number;
  /** Image embeddings of a slice. */
  readonly queries: number;
  /** Side of a vision patch, in pixels. */
  readonly patchSize: number;
  /** True when the slices of one `encodeImages` call influence each other (zero-padded joint batch). */
  readonly batchVisionInput: boolean;
}

/** What a loaded model can do. What is not declared is not called. */
export interface BackendCapabilities {
  readonly dtype: Dtype;
  readonly device: string;
  readonly imageInput: boolean;
  /** True when `step` is offered. */
  readonly batchedSteps: boolean;
}

/** One slice of an image, cut into patches. */
export interface SliceInput {
  /** Normalised values, `[3, patchSize, patchSize * L]`: L patches side by side, row-major. */
  readonly pixelValues: Float32Array;
  /** Patch rows and columns; their product is L. */
  readonly targetSize: readonly [rows: number, columns: number];
}

/** Image embeddings of the slices of one call, in the language model's width; may stay on the device. */
export interface ImageFeatures {
  readonly sliceCount: number;
  readonly queries: number;
  readonly hiddenSize: number;
  /** Copies the values to the host: float32 `[sliceCount, queries, hiddenSize]`. */
  read(): Promise<Float32Array>;
  dispose(): void;
}

export interface EncodeOptions {
  readonly signal?: AbortSignal;
  /** Called after each finished slice. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface StepOptions {
  readonly signal?: AbortSignal;
}

/** Something that was asked for and is not there, or is otherwise worth telling; the model works all the same. */
export interface BackendWarning {
  readonly code: string;
  readonly message: string;
}

/** A model with its weights in place. */
export interface BackendModelV1 {
  readonly capabilities: BackendCapabilities;
  readonly config: ModelConfig;
  /** What a user is to be told, such as a device that was asked for and is not used. Absent: nothing. */
  readonly warnings?: readonly BackendWarning[];
  /**
   * Runs the vision encoder and the resampler over all slices of a request.
   *
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for a wrong number of values or a non-finite one
   * @throws {AbortError} `ABORTED`
   */
  encodeImages(slices: readonly SliceInput[], options?: EncodeOptions): Promise<ImageFeatures>;
  /** Creates an empty sequence that owns one KV cache. `capacity` is the most positions it may hold. */
  createSequence(options?: { readonly capacity?: number }): SequenceV1;
  /** Appends to many sequences in one pass and returns the last row of logits of each. */
  step?(
    batch: readonly { readonly sequence: SequenceV1; readonly parts: readonly SequencePart[] }[],
    options?: StepOptions,
  ): Promise<readonly Logits[]>;
  /** Frees the weights; running work ends with `DisposedError`. A second call does nothing. */
  dispose(): Promise<void>;
}
