import type { Check } from '../check.js';
import { expect, expectEqual } from '../expect.js';

/** What the golden model is, as `config.json` of the checkpoint says. */
const CONFIG = {
  version: '2.5',
  hiddenSize: 256,
  vocabSize: 512,
  maxPositions: 8192,
  queries: 16,
  patchSize: 14,
  batchVisionInput: true,
} as const;

export const contractChecks: readonly Check[] = [
  {
    area: 'contract',
    name: 'names itself and its version of the contract',
    runs: 'once',
    run: async ({ backend }) => {
      expectEqual(backend.specificationVersion, 'v1', 'specificationVersion');
      expect(typeof backend.name === 'string' && backend.name.length > 0, 'name must be a text that is not empty');
    },
  },
  {
    area: 'contract',
    name: 'probe tells what is there, and never throws',
    runs: 'once',
    run: async ({ backend }) => {
      const report = await backend.probe().catch((error: unknown) => {
        expect(false, `probe() rejected: ${String(error)}`);
      });
      expectEqual(typeof report.available, 'boolean', 'typeof available');
      expect(report.available, `probe() says that the backend cannot run here: ${report.reason}`);
      expect(Array.isArray(report.devices) && report.devices.length > 0, 'devices must name at least one device');
      const { threads } = report;
      expect(threads === undefined || (Number.isInteger(threads) && threads > 0), `threads is ${threads}`);
    },
  },
  {
    area: 'contract',
    name: 'the model tells its configuration',
    runs: 'each',
    run: async (context) => {
      const { config } = await context.model();
      for (const [key, value] of Object.entries(CONFIG)) {
        expectEqual(config[key as keyof typeof CONFIG], value, `config.${key}`);
      }
      expect(typeof config.name === 'string' && config.name.length > 0, 'config.name must not be empty');
    },
  },
  {
    area: 'contract',
    name: 'capabilities say what is loaded and what is offered',
    runs: 'each',
    run: async (context) => {
      const { capabilities, step } = await context.model();
      expectEqual(capabilities.dtype, context.dtype, 'capabilities.dtype');
      expect(capabilities.device.length > 0, 'capabilities.device must name the device');
      expectEqual(typeof capabilities.imageInput, 'boolean', 'typeof capabilities.imageInput');
      expectEqual(
        capabilities.batchedSteps,
        step !== undefined,
        'capabilities.batchedSteps, against whether step exists',
      );
    },
  },
];
