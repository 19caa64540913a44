import type { ImageFeatures, SliceInput } from '@pocketlens/backend';
import type { Check } from '../check.js';
import { expectClose, expectCode, expectEqual } from '../expect.js';
import { freshLogits, lastLogits, someIds } from './sequence-tools.js';

/** Slices that are refused before any work. */
function badSlices({ pixelValues, targetSize }: SliceInput): Readonly<Record<string, SliceInput>> {
  return {
    'one value less': { pixelValues: pixelValues.subarray(1), targetSize },
    'a value that is NaN': { pixelValues: pixelValues.map((value, i) => (i === 7 ? NaN : value)), targetSize },
    'an infinite value': { pixelValues: pixelValues.map((value, i) => (i === 7 ? Infinity : value)), targetSize },
    'a patch grid of 0 x 3': { pixelValues, targetSize: [0, 3] },
    'a patch grid of 1.5 x 2': { pixelValues, targetSize: [1.5, 2] },
  };
}

export const argumentChecks: readonly Check[] = [
  {
    area: 'arguments',
    name: 'an append of nothing is refused',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence();
      await expectCode(() => sequence.append([]), 'ARGUMENT_RANGE', 'append of no parts');
      await expectCode(() => sequence.append([{ ids: [] }]), 'ARGUMENT_RANGE', 'append of no ids');
      sequence.dispose();
    },
  },
  {
    area: 'arguments',
    name: 'ids outside the vocabulary are refused, and nothing is appended',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const sequence = model.createSequence();
      await sequence.append([{ ids: someIds(5) }]);
      for (const id of [model.config.vocabSize, -1, 1.5, NaN]) {
        await expectCode(() => sequence.append([{ ids: [20, id] }]), 'ARGUMENT_RANGE', `append of id ${id}`);
        expectEqual(sequence.length, 5, `length after id ${id} was refused`);
      }
      const whole = await freshLogits(model, [{ ids: [...someIds(5), 60] }]);
      const found = await lastLogits(sequence, [{ ids: [60] }]);
      expectClose(found, whole, context.tolerance.consistency, 'the sequence after refused appends');
      sequence.dispose();
    },
  },
  {
    area: 'arguments',
    name: 'more than the capacity gives SEQUENCE_FULL before any work',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence({ capacity: 8 });
      await sequence.append([{ ids: someIds(6) }]);
      await expectCode(() => sequence.append([{ ids: someIds(3) }]), 'SEQUENCE_FULL', '6 + 3 positions of 8');
      expectEqual(sequence.length, 6, 'length after SEQUENCE_FULL');
      await sequence.append([{ ids: someIds(2) }]);
      await expectCode(() => sequence.append([{ ids: [20] }]), 'SEQUENCE_FULL', '8 + 1 positions of 8');
      sequence.dispose();
    },
  },
  {
    area: 'arguments',
    name: 'a capacity outside 1..maxPositions is refused',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      for (const capacity of [0, -1, 2.5, model.config.maxPositions + 1]) {
        await expectCode(() => model.createSequence({ capacity }), 'ARGUMENT_RANGE', `capacity ${capacity}`);
      }
    },
  },
  {
    area: 'arguments',
    name: 'a truncation outside 0..length is refused',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence();
      await sequence.append([{ ids: someIds(5) }]);
      for (const length of [6, -1, 1.5]) {
        await expectCode(() => sequence.truncate(length), 'ARGUMENT_RANGE', `truncate(${length}) of 5 positions`);
      }
      expectEqual(sequence.length, 5, 'length after refused truncations');
      sequence.dispose();
    },
  },
  {
    area: 'arguments',
    name: 'top below 1 is refused',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence();
      for (const top of [0, -1, 1.5]) {
        const append = (): unknown => sequence.append([{ ids: [20] }], { logits: { top } });
        await expectCode(append, 'ARGUMENT_RANGE', `logits: { top: ${top} }`);
      }
      expectEqual(sequence.length, 0, 'length after refused requests');
      sequence.dispose();
    },
  },
  {
    area: 'arguments',
    name: 'slices that are not what they say are refused',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const good = await context.golden.slice('sliver');
      for (const [what, slice] of Object.entries(badSlices(good))) {
        await expectCode(() => model.encodeImages([good, slice]), 'ARGUMENT_RANGE', `encodeImages of ${what}`);
      }
    },
  },
  {
    area: 'arguments',
    name: 'a slice that the features do not have is refused',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const features = await context.encode(['sliver']);
      const sequence = (await context.model()).createSequence();
      for (const slice of [1, -1, 0.5]) {
        await expectCode(() => sequence.append([{ features, slice }]), 'ARGUMENT_RANGE', `slice ${slice} of 1`);
      }
      sequence.dispose();
    },
  },
  {
    area: 'arguments',
    name: 'features from elsewhere are refused',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const { config } = await context.model();
      const sequence = (await context.model()).createSequence();
      const foreign: ImageFeatures = {
        sliceCount: 1,
        queries: config.queries,
        hiddenSize: config.hiddenSize,
        read: async () => new Float32Array(config.queries * config.hiddenSize),
        dispose: () => {},
      };
      const append = (): unknown => sequence.append([{ features: foreign, slice: 0 }]);
      await expectCode(append, ['ARGUMENT_TYPE', 'ARGUMENT_RANGE'], 'append of features made by the caller');
      sequence.dispose();
    },
  },
];
