import type { DatasetRow } from '../data/sample.js';
import { ColumnTyper, spreadsheetText, typedCell } from '../python/column.js';
import { objectField, textField, type ScoringCase } from './cases-file.js';

/** A row and a prediction as the established tool sees them after it stored and read back the whole table. */
export interface StoredRow {
  readonly row: DatasetRow;
  readonly prediction: string;
}

/**
 * Sends the rows of one dataset through a spreadsheet: a column gets its type from all of its cells, and the words for
 * "missing" become empty cells. The tool then reads an empty prediction as the text "nan".
 */
export function storeRows(cases: readonly ScoringCase[]): StoredRow[] {
  const raw = cases.map(({ texts }) => ({
    cells: cellsOf(objectField(texts, 'row')),
    prediction: textField(texts, 'prediction'),
  }));
  const typers = new Map<string, ColumnTyper>();
  const predictions = new ColumnTyper();
  for (const { cells, prediction } of raw) {
    predictions.add(spreadsheetText(prediction));
    for (const [column, cell] of Object.entries(cells)) {
      const typer = typers.get(column) ?? new ColumnTyper();
      typers.set(column, typer);
      typer.add(cell);
    }
  }
  return raw.map(({ cells, prediction }) => {
    const typed = Object.entries(cells).map(
      ([column, cell]) => [column, typedCell(cell, typers.get(column)!.type)] as const,
    );
    const row: Record<string, string | null> = Object.fromEntries(typed);
    return {
      row: { index: row['index'] ?? 'nan', cells: row },
      prediction: typedCell(spreadsheetText(prediction), predictions.type) ?? 'nan',
    };
  });
}

/** A row that was never stored: only an empty cell or the float NaN is missing. */
export function memoryRow(cells: Readonly<Record<string, unknown>>): DatasetRow {
  const row: Record<string, string | null> = {};
  for (const [column, cell] of Object.entries(cells))
    row[column] = typeof cell === 'string' && cell !== 'NaN' ? cell : null;
  return { index: row['index'] ?? 'nan', cells: row };
}

function cellsOf(row: Readonly<Record<string, unknown>>): Record<string, string> {
  const cells: Record<string, string> = {};
  for (const [column, cell] of Object.entries(row)) cells[column] = cell === null ? '' : spreadsheetText(String(cell));
  return cells;
}
