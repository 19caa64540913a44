import type { WeightDtype } from '../../tensors/float.js';
import { int4Rows, type StoredRows } from '../rows.js';
import type { Int4Rows } from '../int4.js';
import type { Int4Scheme } from '../scheme.js';

/** Rows to be quantised, and where to. Both memories are shared: only this description is copied between threads. */
export interface RowsTask {
  /** The rows lie at its beginning, in the checkpoint's type. */
  readonly input: SharedArrayBuffer;
  readonly inputBytes: number;
  readonly dtype: WeightDtype;
  readonly rows: number;
  readonly columns: number;
  readonly scheme: Int4Scheme;
  /** Takes the arrays as `int4Rows` lays them out. */
  readonly output: SharedArrayBuffer;
}

export interface TaskMessage {
  readonly id: number;
  readonly task: RowsTask;
}

export interface TaskAnswer {
  readonly id: number;
  /** False when the rows could not be quantised: whoever asked does it again, and sees why. */
  readonly isDone: boolean;
}

/** Both ends of a task as arrays. */
export function openTask(task: RowsTask): { readonly rows: StoredRows; readonly target: Int4Rows } {
  const { input, inputBytes, dtype, rows, columns, scheme, output } = task;
  return {
    rows: { bytes: new Uint8Array(input, 0, inputBytes), dtype, columns },
    target: int4Rows(output, rows, columns, scheme.blockSize),
  };
}
