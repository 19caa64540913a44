import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { KitModels, runConformance } from '@pocketlens/backend-conformance/run';
import type { Area } from '@pocketlens/backend-conformance/run';
import { broken } from './broken-backend.js';
import type { Fault } from './broken-backend.js';
import { forgetLeaks, knownFaults } from './faults.js';

const kit = new KitModels(['fp16']);

/** Names of the checks that fail. */
async function failing(fault: Fault, areas: readonly Area[]): Promise<readonly string[]> {
  const backend = broken(onnxruntimeNode({ threads: 1, worker: false }), fault);
  const only = ({ check }: { readonly check: { readonly area: Area } }): boolean => areas.includes(check.area);
  const { outcomes, passed } = await runConformance(backend, { dtypes: ['fp16'], kit, only });
  expect(outcomes.length).toBeGreaterThan(0);
  const failed = outcomes.filter(({ status }) => status === 'failed');
  expect(passed).toBe(failed.length === 0);
  return failed.map(({ name }) => name);
}

describe('a backend that', () => {
  afterEach(forgetLeaks);
  afterAll(() => kit.remove());

  it.each(knownFaults)('$what is caught by name', async ({ fault, areas, caughtBy }) => {
    expect(await failing(fault, areas)).toEqual(caughtBy);
  });

  it('is wrapped and sound passes', async () => {
    expect(await failing({}, ['contract', 'shapes', 'sequences', 'arguments', 'disposal', 'concurrency'])).toEqual([]);
  });
});
