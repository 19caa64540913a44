import { pythonFloatText } from './number.js';
import { codePoints } from './text.js';

/** How a table reader types a whole column: only if every cell that is there fits. */
export type ColumnType = 'integer' | 'float' | 'boolean' | 'text';

/** The words that a table reader takes for an empty cell. Source: pandas `STR_NA_VALUES`, since 2.0 with "None". */
const MISSING: ReadonlySet<string> = new Set([
  '',
  '#N/A',
  '#N/A N/A',
  '#NA',
  '-1.#IND',
  '-1.#QNAN',
  '-NaN',
  '-nan',
  '1.#IND',
  '1.#QNAN',
  '<NA>',
  'N/A',
  'NA',
  'NULL',
  'NaN',
  'None',
  'n/a',
  'nan',
  'null',
]);
/** An integer that stands as `str` would write it. */
const PLAIN_INTEGER = /^(?:0|[1-9]\d{0,14})$/;
const INTEGER = /^[ \t]*[+-]?\d+[ \t]*$/;
const FLOAT = /^[ \t]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t]*$/;
const INFINITE = /^[+-]?inf(?:inity)?$/i;
const BOOLEANS: ReadonlySet<string> = new Set(['True', 'TRUE', 'true', 'False', 'FALSE', 'false']);
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n;
// Longest text of a spreadsheet cell; what is beyond is cut off when the tools store predictions.
const MAX_CELL_CODE_POINTS = 32_767;
// oxlint-disable-next-line no-control-regex -- control characters are what a spreadsheet cannot hold
const CONTROL = /[\x00-\x08\x0b-\x1f\ufffe\uffff]/g;
// oxlint-disable-next-line no-control-regex
const CHANGED = /[\x00-\x08\x0b-\x1f\ufffe\uffff]|x005F_/;

/** Says whether a cell counts as empty. Exact words, case matters: "none" and "Null" are text. */
export function isMissing(cell: string): boolean {
  return cell.length <= 8 && MISSING.has(cell);
}

/** Infers the type of a column cell by cell, so that a file never has to be held whole. */
export class ColumnTyper {
  #isInteger = true;
  #isFloat = true;
  #isBoolean = true;
  #hasMissing = false;
  #hasValue = false;

  /** Takes the next cell, as it stands in the file. */
  add(cell: string): void {
    if (isMissing(cell)) {
      this.#hasMissing = true;
      return;
    }
    this.#hasValue = true;
    if (this.#isInteger && PLAIN_INTEGER.test(cell)) {
      this.#isBoolean = false;
      return;
    }
    if (this.#isInteger && !INTEGER.test(cell)) this.#isInteger = false;
    if (this.#isFloat && !FLOAT.test(cell) && !INFINITE.test(cell)) this.#isFloat = false;
    if (this.#isFloat && INTEGER.test(cell) && !fitsMachineInteger(cell)) this.#isFloat = this.#isInteger = false;
    if (this.#isBoolean && !BOOLEANS.has(cell)) this.#isBoolean = false;
  }

  /** True when the column is text, whatever comes. */
  get isSettled(): boolean {
    return this.#hasValue && !this.#isInteger && !this.#isFloat && !this.#isBoolean;
  }

  /** The type of the column so far; a column of integers with a gap is one of floats. */
  get type(): ColumnType {
    if (!this.#hasValue) return 'text';
    if (this.#isInteger) return this.#hasMissing ? 'float' : 'integer';
    if (this.#isFloat) return 'float';
    return this.#isBoolean ? 'boolean' : 'text';
  }
}

/** What `str(cell)` gives after the column got its type ("007" is "7", with a gap "7.0"); null for an empty cell. */
export function typedCell(cell: string, type: ColumnType): string | null {
  if (isMissing(cell)) return null;
  switch (type) {
    case 'integer':
      return PLAIN_INTEGER.test(cell) ? cell : String(BigInt(cell.trim().replace('+', '')));
    case 'float':
      return pythonFloatText(floatValue(cell.trim()));
    case 'boolean':
      return cell.toLowerCase() === 'true' ? 'True' : 'False';
    case 'text':
      return cell;
  }
}

/**
 * What a text becomes when a tool stores it in a spreadsheet and reads it back: cut at 32,767 characters, control
 * characters spelt out as `_x000D_`. Source: xlsxwriter `sharedstrings.py`, openpyxl `reader/strings.py`.
 */
export function spreadsheetText(text: string): string {
  if (text.length <= MAX_CELL_CODE_POINTS && !CHANGED.test(text)) return text;
  const short = text.length > MAX_CELL_CODE_POINTS ? firstCodePoints(text, MAX_CELL_CODE_POINTS) : text;
  return short
    .replaceAll(CONTROL, (found) => `_x${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replaceAll('x005F_', '');
}

function firstCodePoints(text: string, count: number): string {
  let out = '';
  for (const point of codePoints(text).subarray(0, count)) out += String.fromCodePoint(point);
  return out;
}

function floatValue(cell: string): number {
  if (INFINITE.test(cell)) return cell.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(cell);
}

function fitsMachineInteger(cell: string): boolean {
  if (cell.length < 18) return true;
  const value = BigInt(cell.trim().replace('+', ''));
  return value >= MIN_INT64 && value < MAX_UINT64;
}
