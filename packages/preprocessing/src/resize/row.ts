/** One row of pixels within a larger buffer. */
export interface Row {
  readonly data: Uint8Array;
  /** Index of the row's first value in `data`. */
  readonly offset: number;
}
