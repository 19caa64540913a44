import type { Aggregate, Json } from '../benchmarks/benchmark.js';

/** Figures of a table by name: the label of the row and the column. NaN where there is nothing to average. */
export type Figures = ReadonlyMap<string, number>;

const SEPARATOR = ' / ';

/**
 * Names every figure of a benchmark's table. A row is labelled by its first text; a table of one row needs no label.
 *
 * @param counts - columns that count samples and are no figures
 */
export function figuresOf(table: Aggregate['table'], counts: readonly string[] = []): Figures {
  const figures = new Map<string, number>();
  const rows: readonly Json[] = Array.isArray(table) ? (table as readonly Json[]) : [table];
  for (const row of rows) {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) continue;
    for (const part of Object.values(row as { readonly [key: string]: Json })) {
      if (!Array.isArray(part)) continue;
      for (const [name, value] of figuresOf(part as readonly Json[], counts)) figures.set(name, value);
    }
    const cells = Object.entries(row as { readonly [key: string]: Json });
    const label = cells.find(([, cell]) => typeof cell === 'string' && cell !== 'NaN')?.[1];
    for (const [column, cell] of cells) {
      if (counts.includes(column) || (typeof cell !== 'number' && cell !== 'NaN')) continue;
      figures.set(typeof label === 'string' ? `${label}${SEPARATOR}${column}` : column, Number(cell));
    }
  }
  return figures;
}
