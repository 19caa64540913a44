import type { BackendModelV1 } from '@pocketlens/backend';
import type { Check, CheckContext } from '../check.js';
import { expect } from '../expect.js';
import { greedy, someIds } from './sequence-tools.js';

const GENERATIONS = 200;
const MEASURED_EVERY = 5;
/** By then every pool and buffer has its size. */
const WARM_UP = 60;
/**
 * Engines with a thread of their own keep some garbage there. One cache that is lost in each generation takes more: 18 MiB
 * in the generations that lie between the two measures.
 */
const MOST_GROWTH_BYTES = 12 * 1024 * 1024;

/** An image, a prompt, a few beams, some steps: everything that a generation holds. */
async function generateOnce(context: CheckContext, model: BackendModelV1): Promise<void> {
  const features = model.capabilities.imageInput ? await context.encode(['sliver']) : undefined;
  const sequence = model.createSequence({ capacity: 512 });
  const prompt = features === undefined ? [] : [{ features, slice: 0 }];
  await sequence.append([{ ids: someIds(4) }, ...prompt, { ids: someIds(4) }]);
  const beams = [sequence.fork(), sequence.fork(), sequence.fork()];
  await greedy(sequence, [{ ids: [20] }], { count: 2 });
  for (const held of [sequence, ...beams]) held.dispose();
  features?.dispose();
}

export const memoryChecks: readonly Check[] = [
  {
    area: 'memory',
    name: `${GENERATIONS} generations in flat memory`,
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const samples: Readonly<Record<string, number>>[] = [];
      for (let i = 0; i < GENERATIONS; i++) {
        await generateOnce(context, model);
        if (i >= WARM_UP && i % MEASURED_EVERY === 0) samples.push(await context.memoryUsage());
      }
      for (const kind of Object.keys(samples[0]!)) {
        expectFlat(
          samples.map((sample) => sample[kind]!),
          kind,
        );
      }
    },
  },
];

function expectFlat(samples: readonly number[], kind: string): void {
  // The least of each half: what is left when garbage has just been collected.
  const half = Math.floor(samples.length / 2);
  const [before, after] = [Math.min(...samples.slice(0, half)), Math.min(...samples.slice(half))];
  const [grown, most] = [after - before, MOST_GROWTH_BYTES].map((bytes) => Math.round(bytes / 1024 / 1024));
  expect(
    after - before <= MOST_GROWTH_BYTES,
    `${kind} memory grew by ${grown} MiB in ${(GENERATIONS - WARM_UP) / 2} generations, more than ${most} MiB`,
  );
}
