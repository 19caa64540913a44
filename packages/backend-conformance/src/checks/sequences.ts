import type { SequencePart } from '@pocketlens/backend';
import type { Check, CheckContext } from '../check.js';
import { expect, expectClose, expectDense, expectEqual } from '../expect.js';
import { allLogits, freshLogits, golden, lastLogits, rowOf, someIds } from './sequence-tools.js';

/** Prefills `ids` in one call and in single steps, and compares every row. */
async function expectPrefillEqualsSteps(context: CheckContext, parts: readonly SequencePart[]): Promise<void> {
  const model = await context.model();
  const all = await allLogits(model, parts);
  const sequence = model.createSequence();
  let row = 0;
  for (const part of parts) {
    const steps = 'ids' in part ? Array.from(part.ids, (id) => ({ ids: [id] })) : [part];
    for (const step of steps) {
      const found = await lastLogits(sequence, [step]);
      row = sequence.length - 1;
      expectClose(found, rowOf(all, row), context.tolerance.consistency, `single step at position ${row}`);
    }
  }
  expectEqual(row + 1, all.rows, 'positions of the single steps');
  sequence.dispose();
}

export const sequenceChecks: readonly Check[] = [
  {
    area: 'sequences',
    name: 'a prefill of n ids equals n single steps',
    runs: 'each',
    run: (context) => expectPrefillEqualsSteps(context, [{ ids: someIds(40) }]),
  },
  {
    area: 'sequences',
    name: 'a prefill of 300 ids equals 300 single steps',
    runs: 'once',
    run: (context) => expectPrefillEqualsSteps(context, [{ ids: someIds(300) }]),
  },
  {
    area: 'sequences',
    name: 'a prefill with an image equals single steps around it',
    runs: 'each',
    needsImages: true,
    run: async (context) =>
      expectPrefillEqualsSteps(context, await golden(context, context.golden.prompt('one_image_no_slices'))),
  },
  {
    area: 'sequences',
    name: 'the prompt may come in any pieces',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const ids = someIds(190);
      const whole = await freshLogits(model, [{ ids }]);
      for (const cuts of [[1], [17, 18], [64, 128], [130, 131, 189]]) {
        const sequence = model.createSequence();
        let from = 0;
        for (const cut of cuts) {
          await sequence.append([{ ids: ids.slice(from, cut) }]);
          from = cut;
        }
        const found = await lastLogits(sequence, [{ ids: ids.slice(from) }]);
        expectClose(found, whole, context.tolerance.consistency, `190 ids cut at ${cuts.join(', ')}`);
        sequence.dispose();
      }
    },
  },
  {
    area: 'sequences',
    name: 'truncate leaves no trace of what it drops',
    runs: 'each',
    run: async (context) => {
      const model = await context.model();
      const ids = someIds(30);
      const whole = await freshLogits(model, [{ ids }]);
      const sequence = model.createSequence();
      await sequence.append([{ ids: ids.slice(0, 12) }]);
      await sequence.append([{ ids: [100, 101, 102, 103] }]);
      sequence.truncate(12);
      expectEqual(sequence.length, 12, 'length after truncate(12)');
      const found = await lastLogits(sequence, [{ ids: ids.slice(12) }]);
      expectClose(found, whole, context.tolerance.consistency, 'after truncate(12)');
      sequence.truncate(0);
      expectEqual(sequence.length, 0, 'length after truncate(0)');
      const again = await lastLogits(sequence, [{ ids }]);
      expectClose(again, whole, context.tolerance.consistency, 'after truncate(0)');
      sequence.truncate(sequence.length);
      expectEqual(sequence.length, 30, 'length after a truncate that drops nothing');
      sequence.dispose();
    },
  },
  {
    area: 'sequences',
    name: 'truncate through an image',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const features = await context.encode(['wide']);
      const whole = await freshLogits(model, [{ ids: someIds(4) }, { features, slice: 0 }, { ids: [60] }]);
      const sequence = model.createSequence();
      await sequence.append([{ ids: someIds(4) }, { features, slice: 0 }, { ids: [70, 71] }]);
      sequence.truncate(9);
      sequence.truncate(4);
      const found = await lastLogits(sequence, [{ features, slice: 0 }, { ids: [60] }]);
      expectClose(found, whole, context.tolerance.consistency, 'after truncate in the middle of an image');
      sequence.dispose();
    },
  },
  {
    area: 'sequences',
    name: 'forks go their own way',
    runs: 'each',
    run: async (context) => {
      const model = await context.model();
      const ids = someIds(20);
      const [onLeft, onRight] = [[300, 301, 302], [40]];
      const expected = [
        await freshLogits(model, [{ ids: [...ids, ...onLeft, 50] }]),
        await freshLogits(model, [{ ids: [...ids, ...onRight, 50] }]),
      ];
      const left = model.createSequence();
      await left.append([{ ids }]);
      const right = left.fork();
      expectEqual(right.length, ids.length, 'length of the fork');
      expectEqual(right.capacity, left.capacity, 'capacity of the fork');
      await left.append([{ ids: onLeft }]);
      expectEqual(right.length, ids.length, 'length of the fork after the original grew');
      await right.append([{ ids: onRight }]);
      expectClose(await lastLogits(left, [{ ids: [50] }]), expected[0]!, context.tolerance.consistency, 'the original');
      expectClose(await lastLogits(right, [{ ids: [50] }]), expected[1]!, context.tolerance.consistency, 'the fork');
      left.dispose();
      right.dispose();
    },
  },
  {
    area: 'sequences',
    name: 'a fork outlives truncation and disposal of its original',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const ids = someIds(290);
      const whole = await freshLogits(model, [{ ids }]);
      const original = model.createSequence();
      await original.append([{ ids: ids.slice(0, 280) }]);
      const fork = original.fork();
      original.truncate(3);
      await original.append([{ ids: someIds(40, 7) }]);
      original.dispose();
      const found = await lastLogits(fork, [{ ids: ids.slice(280) }]);
      expectClose(found, whole, context.tolerance.consistency, 'the fork');
      fork.dispose();
    },
  },
  {
    area: 'sequences',
    name: 'a sequence holds its capacity and no more',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      expectEqual(model.createSequence().capacity, model.config.maxPositions, 'capacity by default');
      const sequence = model.createSequence({ capacity: 20 });
      expectEqual([sequence.capacity, sequence.length], [20, 0], 'capacity and length of a new sequence');
      const whole = await freshLogits(model, [{ ids: someIds(20) }]);
      const found = await lastLogits(sequence, [{ ids: someIds(20) }]);
      expectClose(found, whole, context.tolerance.consistency, 'a sequence that is full');
      sequence.dispose();
    },
  },
  {
    area: 'sequences',
    name: 'progress of an append grows to its total',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence();
      const seen: number[] = [];
      const onProgress = ({ done, total }: { readonly done: number; readonly total: number }): void => {
        expectEqual(total, 600, 'total of the progress');
        seen.push(done);
      };
      expectDense(await sequence.append([{ ids: someIds(600) }], { onProgress }), 1, 'append');
      expectEqual(seen.at(-1), 600, 'the last progress');
      expect(
        seen.every((done, i) => done > (seen[i - 1] ?? 0)),
        `progress must grow, received ${seen.join(', ')}`,
      );
      sequence.dispose();
    },
  },
  {
    area: 'sequences',
    name: 'step, where it is offered, equals single appends',
    runs: 'each',
    run: async (context) => {
      const model = await context.model();
      const step = model.step?.bind(model);
      if (step === undefined) return context.skip('not offered');
      const prompts = [someIds(5), someIds(9, 3), someIds(2, 11)];
      const expected = [];
      for (const ids of prompts) expected.push(await freshLogits(model, [{ ids: [...ids, 80] }]));
      const sequences = prompts.map(() => model.createSequence());
      for (const [i, ids] of prompts.entries()) await sequences[i]!.append([{ ids }]);
      const rows = await step(sequences.map((sequence) => ({ sequence, parts: [{ ids: [80] }] })));
      expectEqual(rows.length, prompts.length, 'number of logits');
      for (const [i, logits] of rows.entries()) {
        const { data } = expectDense(logits, 1, `logits of sequence ${i}`);
        expectClose(data, expected[i]!, context.tolerance.consistency, `sequence ${i}`);
        expectEqual(sequences[i]!.length, prompts[i]!.length + 1, `length of sequence ${i}`);
        sequences[i]!.dispose();
      }
    },
  },
];
