import type { BackendModelV1 } from '@pocketlens/backend';
import type { Check } from '../check.js';
import { expectClose, expectCode, expectEqual } from '../expect.js';
import { freshLogits, lastLogits, someIds } from './sequence-tools.js';

/** Prefill and three steps of a conversation of its own. */
async function converse(model: BackendModelV1, shift: number): Promise<Float32Array> {
  const sequence = model.createSequence();
  await sequence.append([{ ids: someIds(30 + shift, shift) }]);
  for (const id of [50 + shift, 60 + shift]) await sequence.append([{ ids: [id] }]);
  const logits = await lastLogits(sequence, [{ ids: [70] }]);
  sequence.dispose();
  return logits;
}

export const concurrencyChecks: readonly Check[] = [
  {
    area: 'concurrency',
    name: 'a second append to a busy sequence gives SEQUENCE_BUSY, and the first goes on',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const whole = await freshLogits(model, [{ ids: [...someIds(300), 60] }]);
      const sequence = model.createSequence();
      const first = sequence.append([{ ids: someIds(300) }]);
      // Settled whatever happens, so that a failing check leaves no rejection behind.
      const settled = Promise.allSettled([first]);
      await expectCode(() => sequence.append([{ ids: [22] }]), 'SEQUENCE_BUSY', 'a second append');
      await expectCode(() => sequence.truncate(0), 'SEQUENCE_BUSY', 'truncate during an append');
      await expectCode(() => sequence.fork(), 'SEQUENCE_BUSY', 'fork during an append');
      await settled;
      await first;
      expectEqual(sequence.length, 300, 'length after the first append');
      const found = await lastLogits(sequence, [{ ids: [60] }]);
      expectClose(found, whole, context.tolerance.consistency, 'the first append');
      sequence.dispose();
    },
  },
  {
    area: 'concurrency',
    name: 'six conversations at once equal one after the other',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const shifts = [0, 1, 2, 3, 4, 5];
      const single = [];
      for (const shift of shifts) single.push(await converse(model, shift));
      const together = await Promise.all(shifts.map((shift) => converse(model, shift)));
      for (const [i, logits] of together.entries()) {
        expectClose(logits, single[i]!, context.tolerance.consistency, `conversation ${i}`);
      }
    },
  },
  {
    area: 'concurrency',
    name: 'images are encoded beside a conversation',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const single = await converse(model, 3);
      const [logits, first, second] = await Promise.all([
        converse(model, 3),
        context.encode(['wide']),
        context.encode(['sliver']),
      ]);
      expectClose(logits, single, context.tolerance.consistency, 'the conversation');
      const { golden, tolerance } = context;
      expectClose(await first.read(), await golden.features('wide'), tolerance.features, 'the first image');
      expectClose(await second.read(), await golden.features('sliver'), tolerance.features, 'the second image');
    },
  },
  {
    area: 'concurrency',
    name: 'two models work at once',
    runs: 'once',
    run: async (context) => {
      const models = [await context.model(), await context.open('golden')];
      const single = await converse(models[0]!, 2);
      for (const [i, logits] of (await Promise.all(models.map((model) => converse(model, 2)))).entries()) {
        expectClose(logits, single, context.tolerance.consistency, `model ${i}`);
      }
    },
  },
];
