import type { WeightDtype } from '../../tensors/float.js';
import type { Int4Rows } from '../int4.js';
import { quantizeRowsToInt4, quantizeRowsToInt8 } from '../quantize-rows.js';
import { int4Rows, int8Columns, type Int8Columns, type StoredRows } from '../rows.js';
import type { Int4Scheme, Int8Scheme, QuantizationScheme } from '../scheme.js';

/** Rows to be quantised, and where to. Both memories are shared: only this description is copied between threads. */
export interface RowsTask<Scheme extends QuantizationScheme = QuantizationScheme> {
  /** The rows lie at its beginning, in the checkpoint's type. */
  readonly input: SharedArrayBuffer;
  readonly inputBytes: number;
  readonly dtype: WeightDtype;
  readonly rows: number;
  readonly columns: number;
  readonly scheme: Scheme;
  /** Takes the arrays that the scheme gives, at its beginning. */
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

export function inputOf({ input, inputBytes, dtype, columns }: RowsTask): StoredRows {
  return { bytes: new Uint8Array(input, 0, inputBytes), dtype, columns };
}

export function int4Of({ output, rows, columns, scheme }: RowsTask<Int4Scheme>): Int4Rows {
  return int4Rows(output, rows, columns, scheme.blockSize);
}

export function int8Of({ output, rows, columns }: RowsTask<Int8Scheme>): Int8Columns {
  return int8Columns(output, rows, columns);
}

/**
 * Does a task in the calling thread.
 *
 * @param tensor - name for messages
 * @throws {ModelFormatError} `MODEL_DTYPE` when a value is not finite
 */
export function quantizeTask(task: RowsTask, tensor: string): void {
  const { output, rows, columns, scheme } = task;
  if (scheme.bits === 4) {
    quantizeRowsToInt4(inputOf(task), scheme, int4Rows(output, rows, columns, scheme.blockSize), tensor);
  } else {
    quantizeRowsToInt8(inputOf(task), int8Columns(output, rows, columns), tensor);
  }
}
