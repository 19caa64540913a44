import { readFile } from 'node:fs/promises';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { BackendV1 } from '@pocketlens/backend';
import { afterAll, describe, it } from 'vitest';
// oxlint-disable vitest/valid-title, vitest/expect-expect -- the checks bring their names, and throw
import { AREAS } from './check.js';
import { ConformanceRun } from './conformance-run.js';
import { ConformanceFailure } from './expect.js';
import type { ConformanceOptions } from './options.js';
import { conformanceTable } from './table.js';

/** Enough for 200 generations, or the conversion of four storage types, on a slow machine that is busy. */
const CHECK_TIMEOUT_MS = 180_000;

export interface DescribeOptions extends ConformanceOptions {
  /** The README of the adapter: a last test compares its table with this run. */
  readonly readme?: URL;
}

/**
 * Registers the suite with vitest: a test for each check, named by storage type, area and statement. Prints the table for
 * the adapter's README at the end.
 *
 * @param createBackend - called once; the backend is loaded with the kit's models, never with yours
 */
export function describeBackendConformance(createBackend: () => BackendV1, options: DescribeOptions = {}): void {
  const { readme, ...rest } = options;
  const run = new ConformanceRun(createBackend(), rest);

  describe(`conformance of ${run.backend.name}`, () => {
    afterAll(async () => {
      await run.close();
      const { lines, measured } = conformanceTable(run);
      stdout.write(`\n${[...lines, ...measured].join('\n')}\n\n`);
    });

    for (const dtype of run.dtypes) {
      describe(dtype, () => {
        for (const area of AREAS) {
          const planned = run.planned.filter(({ check, dtype: own }) => own === dtype && check.area === area);
          if (planned.length === 0) continue;
          describe(area, () => {
            for (const one of planned) {
              it(one.check.name, { timeout: CHECK_TIMEOUT_MS }, async ({ skip }) => {
                const { status, error } = await run.perform(one);
                if (status === 'skipped') skip(error instanceof Error ? error.message : undefined);
                if (status === 'failed') throw error;
              });
            }
          });
        }
      });
    }

    it.runIf(readme !== undefined)('the README has the table', async ({ skip }) => {
      if (run.outcomes.length < run.planned.length) skip('not all checks ran');
      const { lines, measured } = conformanceTable(run);
      const text = await readFile(fileURLToPath(readme!), 'utf8');
      if (text.includes(lines.join('\n'))) return;
      throw new ConformanceFailure(`the README lacks this table:\n\n${[...lines, ...measured].join('\n')}\n`);
    });
  });
}
