/** Scores over the whole vocabulary. */
export interface DenseLogits {
  readonly type: 'dense';
  readonly rows: number;
  readonly vocabSize: number;
  /** float32 `[rows, vocabSize]`. */
  readonly data: Float32Array;
}

/** The best scores of each row, descending; equal scores by ascending id. */
export interface TopLogits {
  readonly type: 'top';
  readonly rows: number;
  readonly count: number;
  /** `[rows, count]` token ids. */
  readonly ids: Uint32Array;
  /** float32 `[rows, count]`. */
  readonly values: Float32Array;
}

export type Logits = DenseLogits | TopLogits;

/** Which scores an `append` returns: of the last position, of all appended ones, or the best n of the last. */
export type LogitsRequest = 'last' | 'all' | { readonly top: number };
