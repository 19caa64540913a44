import type { StoredBits } from './float.js';

/** Rows and columns moved together while transposing, so that both sides stay in the processor's cache. */
const TILE = 64;

/** Elements of a matrix that is being transposed. */
export type MatrixElements = StoredBits | Int8Array;

/** Some rows of a transposed matrix. */
export interface Panel {
  readonly bits: MatrixElements;
  /** Elements of a row of the panel. */
  readonly height: number;
  /** First column that a block goes to. */
  readonly row: number;
}

/**
 * Moves whole rows of a matrix to the columns of a panel.
 *
 * @param columns - elements of a row of the block
 * @param selected - column of the block that each row of the panel takes; -1 leaves the row as it is
 */
export function scatterTransposed(
  block: { readonly bits: MatrixElements; readonly rows: number },
  columns: number,
  selected: Int32Array,
  panel: Panel,
): void {
  const { bits: target, height, row: firstRow } = panel;
  const { bits: source, rows } = block;
  for (let rowTile = 0; rowTile < rows; rowTile += TILE) {
    const rowEnd = Math.min(rowTile + TILE, rows);
    for (let tile = 0; tile < selected.length; tile += TILE) {
      const tileEnd = Math.min(tile + TILE, selected.length);
      for (let out = tile; out < tileEnd; out++) {
        const column = selected[out]!;
        if (column < 0) continue;
        const base = out * height + firstRow;
        for (let row = rowTile; row < rowEnd; row++) target[base + row] = source[row * columns + column]!;
      }
    }
  }
}
