import type { ImageFeatures, SequencePart } from '@pocketlens/backend';
import type { Check, CheckContext } from '../check.js';
import { expect, expectClose, expectEqual } from '../expect.js';
import { freshLogits, lastLogits, someIds } from './sequence-tools.js';

const BATCH = ['wide', 'square', 'sliver'];
/** Ten images of which the longest is the longest of the golden batch, so that padding is the same. */
const TEN = [...BATCH, ...BATCH, ...BATCH, 'wide'];

/** Compares the features of a joint batch with golden ones of a batch that is padded to the same length. */
async function expectBatch(context: CheckContext, images: readonly string[], of: readonly string[]): Promise<void> {
  const values = await (await context.encode(images)).read();
  const batch = await context.golden.batchFeatures(of);
  const rows = batch.length / of.length;
  expectEqual(values.length, images.length * rows, 'number of values');
  for (const [index, image] of images.entries()) {
    const at = of.indexOf(image);
    const found = values.subarray(index * rows, (index + 1) * rows);
    const expected = batch.subarray(at * rows, (at + 1) * rows);
    const difference = expectClose(
      found,
      expected,
      context.tolerance.features,
      `features of image ${index} (${image})`,
    );
    context.measured('features', difference);
  }
}

/** A prompt that shows every slice once, between ids. */
function showAll(features: ImageFeatures): readonly SequencePart[] {
  return Array.from({ length: features.sliceCount }, (_, slice): SequencePart[] => [
    { ids: someIds(3, slice) },
    { features, slice },
  ]).flat();
}

async function encodeApart(context: CheckContext, images: readonly string[]): Promise<void> {
  const model = await context.open('golden-apart');
  const values = await (await model.encodeImages(await context.golden.slices(images))).read();
  const alone = await Promise.all(images.map((image) => context.golden.features(image)));
  const rows = alone[0]!.length;
  for (const [index, image] of images.entries()) {
    const found = values.subarray(index * rows, (index + 1) * rows);
    expectClose(found, alone[index]!, context.tolerance.features, `features of image ${index} (${image})`);
  }
}

export const imageChecks: readonly Check[] = [
  {
    area: 'images',
    name: 'no image gives no features',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const features = await context.encode([]);
      expectEqual([features.sliceCount, (await features.read()).length], [0, 0], 'slices and values');
    },
  },
  {
    area: 'images',
    name: '1 image',
    runs: 'each',
    needsImages: true,
    run: (context) => expectBatch(context, ['wide'], BATCH),
  },
  {
    area: 'images',
    name: '2 images of one batch',
    runs: 'each',
    needsImages: true,
    run: (context) => expectBatch(context, ['full', 'tall'], ['full', 'tall']),
  },
  {
    area: 'images',
    name: '3 and 5 images of other sizes, padded to the longest',
    runs: 'each',
    needsImages: true,
    run: async (context) => {
      await expectBatch(context, BATCH, BATCH);
      const five = ['square', 's0', 's1', 's2', 's3'];
      await expectBatch(context, five, five);
    },
  },
  {
    area: 'images',
    name: '10 images of one batch',
    runs: 'each',
    needsImages: true,
    run: (context) => expectBatch(context, TEN, BATCH),
  },
  {
    area: 'images',
    name: '10 images, each alone',
    runs: 'once',
    needsImages: true,
    run: (context) => encodeApart(context, [...TEN.slice(0, 5), 's0', 's1', 'u0', 'u1', 'sliver']),
  },
  {
    area: 'images',
    name: '10 images in one prompt, at once or one by one',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const parts = showAll(await context.encode(TEN));
      const whole = await freshLogits(model, parts);
      const sequence = model.createSequence();
      for (const part of parts.slice(0, -1)) await sequence.append([part]);
      const pieces = await lastLogits(sequence, parts.slice(-1));
      expectEqual(sequence.length, TEN.length * (3 + model.config.queries), 'positions of 10 images and 30 ids');
      expectClose(pieces, whole, context.tolerance.consistency, 'one by one against at once');
      sequence.dispose();
    },
  },
  {
    area: 'images',
    name: 'features may be used in many sequences, and be mixed',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const [left, right] = [await context.encode(['wide']), await context.encode(['sliver'])];
      const mixed = [{ ids: someIds(4) }, { features: right, slice: 0 }, { features: left, slice: 0 }];
      const first = await freshLogits(model, mixed);
      const second = await freshLogits(model, mixed);
      expectClose(second, first, context.tolerance.consistency, 'the same features in a second sequence');
      const swapped = [mixed[0]!, mixed[2]!, mixed[1]!];
      const other = await freshLogits(model, swapped);
      const difference = other.reduce((most, value, i) => Math.max(most, Math.abs(value - first[i]!)), 0);
      expect(difference > 1e-2, 'two images in the other order give the same logits');
    },
  },
  {
    area: 'images',
    name: 'pixels that go in are left as they are',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const slices = await context.golden.slices(['wide', 'sliver']);
      const kept = slices.map(({ pixelValues }) => pixelValues.slice());
      await (await context.model()).encodeImages(slices);
      for (const [index, { pixelValues }] of slices.entries()) {
        expectClose(pixelValues, kept[index]!, { kind: 'absolute', value: 0 }, `pixels of image ${index}`);
      }
    },
  },
  {
    area: 'images',
    name: 'progress is told after every slice',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const seen: string[] = [];
      const onProgress = ({ done, total }: { readonly done: number; readonly total: number }): void =>
        void seen.push(`${done}/${total}`);
      await (await context.model()).encodeImages(await context.golden.slices(BATCH), { onProgress });
      expectEqual(seen, ['1/3', '2/3', '3/3'], 'progress of 3 slices');
    },
  },
];
