import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SliceInput } from '@pocketlens/backend';
import { positionIds } from '@pocketlens/backend-onnx';
import { cases, convertGolden, goldenSlice, largestDifference } from '../test/golden.js';
import { onnxruntimeNode } from './index.js';

const SIDE = 70;
const PATCH = 14;

/** One run of the graph over all slices, zero-padded to the longest, as the published code makes its batch. */
async function jointBatch(session: InferenceSession, slices: readonly SliceInput[]): Promise<Float32Array> {
  const counts = slices.map(({ targetSize: [rows, columns] }) => rows * columns);
  const longest = Math.max(...counts);
  const lines = 3 * PATCH;
  const pixels = new Float32Array(slices.length * lines * longest * PATCH);
  const [patchRows, patchColumns] = [0, 1].map(() => new BigInt64Array(slices.length * longest));
  slices.forEach(({ pixelValues, targetSize: [, columns] }, slice) => {
    const width = counts[slice]! * PATCH;
    for (let line = 0; line < lines; line++) {
      pixels.set(pixelValues.subarray(line * width, (line + 1) * width), (slice * lines + line) * longest * PATCH);
    }
    for (let i = 0; i < counts[slice]!; i++) {
      patchRows![slice * longest + i] = BigInt(Math.floor(i / columns));
      patchColumns![slice * longest + i] = BigInt(i % columns);
    }
  });
  const positions = positionIds([1, longest], { side: SIDE, kind: 'strip', paddedCount: longest });
  const perPatch = [slices.length, longest];
  const { image_features: features } = await session.run({
    pixel_values: new Tensor('float32', pixels, [slices.length, 3, PATCH, longest * PATCH]),
    position_ids: new Tensor('int64', BigInt64Array.from(slices.flatMap(() => Array.from(positions))), perPatch),
    patch_rows: new Tensor('int64', patchRows!, perPatch),
    patch_cols: new Tensor('int64', patchColumns!, perPatch),
    patch_counts: new Tensor('int64', BigInt64Array.from(counts, BigInt), [slices.length]),
  });
  return features!.data as Float32Array;
}

describe('slices of a joint batch, encoded one by one', () => {
  let directory: string;
  let cleanUp: () => Promise<void>;
  let session: InferenceSession;

  beforeAll(async () => {
    ({ directory, remove: cleanUp } = await convertGolden());
    session = await InferenceSession.create(join(directory, 'onnx/vision_encoder.onnx'), { intraOpNumThreads: 1 });
  });

  afterAll(async () => {
    await session.release();
    await cleanUp();
  });

  it.each(cases.batches.map(({ images }) => [images]))('equal the batch %j', async (images) => {
    const slices = images.map(goldenSlice);
    const model = await onnxruntimeNode({ threads: 1 }).loadModel(directory);
    const features = await (await model.encodeImages(slices)).read();
    await model.dispose();
    expect(largestDifference(features, await jointBatch(session, slices))).toBeLessThan(1e-5);
  });

  it('would differ without the padding that is attended to', async () => {
    const slices = cases.batches[0]!.images.map(goldenSlice);
    const joint = await jointBatch(session, slices);
    const alone = [];
    for (const slice of slices) alone.push(...(await jointBatch(session, [slice])));
    expect(largestDifference(alone, joint)).toBeGreaterThan(1e-3);
  });
});
