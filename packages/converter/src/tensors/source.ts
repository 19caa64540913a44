/** A run of rows of a checkpoint tensor, seen as a matrix [first dimension, the rest]; or rows of zeros. */
export type RowRun =
  | { readonly tensor: string; readonly firstRow: number; readonly rowCount: number }
  | { readonly zeroRows: number };

/** Where the values of an initializer come from. */
export type TensorSource =
  | {
      /**
       * Rows stacked on each other, as they lie in the checkpoint. With `select`, column c of the result is column
       * `select[c]` of the stack, or zeros where `select[c]` is -1.
       */
      readonly kind: 'rows';
      readonly runs: readonly RowRun[];
      readonly columns: number;
      readonly select?: Int32Array;
    }
  | {
      /**
       * Rows stacked on each other and transposed: row r of the result is column `select[r]` of the stack, or zeros where
       * `select[r]` is -1; all columns in order when `select` is absent.
       */
      readonly kind: 'transposed';
      readonly runs: readonly RowRun[];
      readonly columns: number;
      readonly select?: Int32Array;
    }
  | {
      /** Values computed by the converter. */
      readonly kind: 'values';
      readonly values: Float32Array<ArrayBuffer>;
    };

/** Rows that a run adds to the stack. */
export function runLength(run: RowRun): number {
  return 'zeroRows' in run ? run.zeroRows : run.rowCount;
}
