import type { BackendV1 } from '@pocketlens/backend';
import { ConformanceRun } from './conformance-run.js';
import type { Outcome, PlannedCheck } from './conformance-run.js';
import type { KitModels } from './kit/kit-models.js';
import type { ConformanceOptions } from './options.js';
import { conformanceTable } from './table.js';

export { KitModels } from './kit/kit-models.js';
export type { KitDtype, KitModel } from './kit/kit-models.js';
export type { Area, Check } from './check.js';
export type { Bound } from './expect.js';
export type { Outcome, PlannedCheck } from './conformance-run.js';
export type { ConformanceOptions, Tolerance } from './options.js';

export interface RunOptions extends ConformanceOptions {
  /** Which checks to run; default: all. */
  readonly only?: (planned: PlannedCheck) => boolean;
  /** Models that were converted before, for many runs; the caller removes them. */
  readonly kit?: KitModels;
}

/** What a run found. */
export interface ConformanceReport {
  readonly passed: boolean;
  readonly outcomes: readonly Outcome[];
  /** The Markdown table. */
  readonly table: string;
}

/** Runs the checks without a test runner, one after the other, and reports. A check that fails does not end the run. */
export async function runConformance(
  backend: BackendV1,
  { only = () => true, kit, ...options }: RunOptions = {},
): Promise<ConformanceReport> {
  const run = new ConformanceRun(backend, options, kit);
  try {
    for (const planned of run.planned.filter(only)) await run.perform(planned);
  } finally {
    await run.close();
  }
  const { lines, measured } = conformanceTable(run);
  const passed = run.outcomes.every(({ status }) => status !== 'failed');
  return { passed, outcomes: run.outcomes, table: [...lines, ...measured].join('\n') };
}
