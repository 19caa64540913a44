/** An image of a sample: encoded bytes, or a file that is read when it is needed. */
export type ImageSource =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'path'; readonly path: string };

/**
 * One row of a dataset without its images. A cell is the text that Python's `str(value)` gives after the whole column
 * got its type, or null where it is empty.
 */
export interface DatasetRow {
  /** The value of the `index` column; unique in the dataset. */
  readonly index: string;
  readonly cells: Readonly<Record<string, string | null>>;
}

/** One question of a benchmark: the row, and a way to its images. */
export interface Sample extends DatasetRow {
  /** How many images the question has. */
  readonly imageCount: number;
  /** Reads the images, in order. */
  images(): Promise<readonly ImageSource[]>;
}

/** A dataset that is read from disk sample by sample, as often as wanted. */
export interface Dataset {
  /** Where it was read from. */
  readonly file: string;
  /** The columns, in the order of the file. */
  readonly columns: readonly string[];
  /** How many samples there are. */
  readonly count: number;
  /** How many rows were dropped because they have no image. */
  readonly dropped: number;
  samples(): AsyncIterable<Sample>;
}

/** The text of a cell as Python's `str` prints it; "nan" for an empty or absent one. */
export function textOf(row: DatasetRow, column: string): string {
  return row.cells[column] ?? 'nan';
}

const LETTERS: readonly string[] = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** The options of a multiple-choice row: the one-letter upper-case columns that are there and not empty. */
export function optionsOf(row: DatasetRow): Record<string, string> {
  const options: Record<string, string> = {};
  for (const letter of LETTERS) {
    const text = row.cells[letter];
    if (text !== null && text !== undefined) options[letter] = text;
  }
  return options;
}
