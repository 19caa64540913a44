import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1, Dtype } from '@pocketlens/backend';
import { onnxruntimeNode } from './index.js';
import { cases, convertGolden, goldenSlice, largestDifference, promptParts } from '../test/golden.js';

/**
 * Root mean square of what quantisation adds to features and logits, as a share of their own. The weights are random,
 * so that nothing is redundant: trained models lose less.
 */
const BOUNDS: Readonly<Partial<Record<Dtype, { readonly features: number; readonly logits: number }>>> = {
  int8: { features: 0.05, logits: 0.08 },
  q4: { features: 0.05, logits: 0.35 },
};

function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  const square = (sum: number, value: number): number => sum + value * value;
  return Math.sqrt(actual.map((value, i) => value - expected[i]!).reduce(square, 0) / expected.reduce(square, 0));
}

interface Outputs {
  readonly features: Float32Array;
  readonly logits: Float32Array;
}

async function run(model: BackendModelV1): Promise<Outputs> {
  const prompt = cases.prompts.find(({ name }) => name === 'one_image_no_slices')!;
  const features = await model.encodeImages(prompt.images.map(goldenSlice));
  const logits = await model.createSequence().append(promptParts(prompt, features), { logits: 'all' });
  if (logits.type !== 'dense') throw new Error('dense logits expected');
  return { features: await features.read(), logits: logits.data };
}

describe('one directory with all storage types', () => {
  let directory: string;
  let remove: () => Promise<void>;
  let exact: Outputs;

  const opened = async <T>(dtype: Dtype | undefined, use: (model: BackendModelV1) => Promise<T>): Promise<T> => {
    const options = dtype === undefined ? { verify: true } : { dtype };
    const model = await onnxruntimeNode({ threads: 1 }).loadModel(directory, options);
    try {
      return await use(model);
    } finally {
      await model.dispose();
    }
  };

  beforeAll(async () => {
    ({ directory, remove } = await convertGolden({ dtypes: ['fp32', 'fp16', 'int8', 'q4'] }));
    exact = await opened('fp32', run);
  });

  afterAll(() => remove());

  it('opens the most exact one by itself, and every file is as the manifest says', async () => {
    expect(await opened(undefined, (model) => Promise.resolve(model.capabilities.dtype))).toBe('fp32');
  });

  it.each(['int8', 'q4'] as const)('%s stays near fp32', async (dtype) => {
    const { features, logits } = await opened(dtype, (model) => {
      expect(model.capabilities.dtype).toBe(dtype);
      return run(model);
    });
    expect(relativeDifference(features, exact.features)).toBeLessThan(BOUNDS[dtype]!.features);
    expect(relativeDifference(logits, exact.logits)).toBeLessThan(BOUNDS[dtype]!.logits);
    // It is another storage indeed.
    expect(largestDifference(logits, exact.logits)).toBeGreaterThan(1e-3);
  });

  it.each(['int8', 'q4'] as const)('%s: a prefill equals single steps', async (dtype) => {
    await opened(dtype, async (model) => {
      const ids = Array.from({ length: 40 }, (_, i) => 20 + ((i * 37) % 480));
      const all = await model.createSequence().append([{ ids }], { logits: 'all' });
      const sequence = model.createSequence();
      const rows: number[] = [];
      for (const id of ids) {
        const logits = await sequence.append([{ ids: [id] }]);
        if (logits.type === 'dense') rows.push(...logits.data);
      }
      if (all.type !== 'dense') throw new Error('dense logits expected');
      // Activations are rounded row by row, so what else is in the pass only moves the last bits before the rounding.
      expect(relativeDifference(Float32Array.from(rows), all.data)).toBeLessThan(0.02);
    });
  });
});
