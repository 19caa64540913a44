import { AREAS } from './check.js';
import type { ConformanceRun, Measured, Outcome } from './conformance-run.js';
import { toleranceOf } from './options.js';

/** What the table tells of a run, in Markdown, and the lines that depend on the machine. */
export interface ConformanceTable {
  /** Heading and areas: the same wherever the suite passes. */
  readonly lines: readonly string[];
  /** Largest distances from the reference, as rows of the same table. */
  readonly measured: readonly string[];
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The outcome of a run as a table for the README of an adapter: an area a row, a storage type a column. */
export function conformanceTable(run: ConformanceRun): ConformanceTable {
  const { dtypes, outcomes, options } = run;
  const head = [row(['', ...dtypes]), `|${'---|'.repeat(dtypes.length + 1)}`];
  const areas = AREAS.map((area) => {
    const inArea = outcomes.filter((outcome) => outcome.area === area);
    return row([area, ...dtypes.map((dtype) => cell(inArea.filter((outcome) => outcome.dtype === dtype)))]);
  });
  const bounds = (['features', 'logits'] as const).map((kind) =>
    row([
      `${kind} from PyTorch's, at most`,
      ...dtypes.map((dtype) => {
        const { value, kind: how } = toleranceOf(dtype, options)[kind];
        return how === 'absolute' ? value.toExponential() : `${formatPercent(value)} RMS`;
      }),
    ]),
  );
  const measured = (['features', 'logits'] as const).map((kind) =>
    row([`${kind}, measured`, ...dtypes.map((dtype) => distance(run.measured.get(dtype), kind, relative(run, dtype)))]),
  );
  return { lines: [...head, ...areas, ...bounds], measured };
}

function relative({ options }: ConformanceRun, dtype: Outcome['dtype']): boolean {
  return toleranceOf(dtype, options).logits.kind === 'relative';
}

function distance(measured: Measured | undefined, kind: keyof Measured, isRelative: boolean): string {
  const value = measured?.[kind];
  if (value === undefined) return '-';
  return isRelative ? formatPercent(value) : value.toExponential(0);
}

function formatPercent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

function cell(outcomes: readonly Outcome[]): string {
  const ran = outcomes.filter(({ status }) => status !== 'skipped');
  const failed = ran.filter(({ status }) => status === 'failed');
  if (ran.length === 0) return '-';
  return failed.length === 0 ? `${ran.length} passed` : `**${failed.length} of ${ran.length} failed**`;
}
