import { readFileSync } from 'node:fs';

const GOLDEN = new URL('../../../tools/golden/tokenizer/', import.meta.url);

/** The bytes of a golden file. */
export function readGolden(name: string): Uint8Array {
  return readFileSync(new URL(name, GOLDEN));
}

/** The rows of a golden JSON Lines file; the caller names their shape. */
export function readGoldenRows<Row>(name: string): Row[] {
  const lines = readFileSync(new URL(name, GOLDEN), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Row);
}

/** What is wrong with each row, or nothing: one assertion for thousands of rows. */
export function failures<Row extends { readonly id?: string }>(
  rows: readonly Row[],
  check: (row: Row) => unknown,
): string[] {
  return rows.flatMap((row, index) => {
    const problem = check(row);
    return problem === undefined ? [] : [`${row.id ?? index}: ${String(problem)}`];
  });
}

/** A message when two lists of ids differ. */
export function difference(actual: readonly number[], expected: readonly number[]): string | undefined {
  const isSame = actual.length === expected.length && actual.every((id, i) => id === expected[i]);
  return isSame ? undefined : `[${actual.join(',')}] instead of [${expected.join(',')}]`;
}
