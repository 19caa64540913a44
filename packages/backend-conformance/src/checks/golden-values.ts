import type { Check } from '../check.js';
import { expectClose, expectEqual } from '../expect.js';
import { allLogits, freshLogits, golden, greedy } from './sequence-tools.js';

/** All golden prompts, by what is special about them. */
const PROMPTS = {
  text_only: 'text alone',
  one_image_no_slices: 'one image',
  text_before_image: 'text before a large image',
  full_and_tall_images: 'two large images',
  source_and_1x2_slices_then_second_image_in_second_turn: 'a sliced image, and another in the second turn',
  source_and_2x2_slices: 'an image in five slices',
} as const;

const IMAGES = ['full', 'tall', 'wide', 'square', 'sliver', 's0', 's1', 's2', 's3', 'u0', 'u1'];

const SOME = Object.entries(PROMPTS).filter(([name]) => name !== 'text_only' && name !== 'text_before_image');

const lastLogitsChecks = Object.entries(PROMPTS).map(([name, title]): Check => ({
  area: 'golden values',
  name: `logits after ${title}`,
  runs: 'each',
  needsImages: name !== 'text_only',
  run: async (context) => {
    const prompt = context.golden.prompt(name);
    const logits = await freshLogits(await context.model(), await golden(context, prompt));
    const expected = await context.golden.values(prompt.last_logits);
    context.measured('logits', expectClose(logits, expected, context.tolerance.logits, 'logits against PyTorch'));
  },
}));

const allLogitsChecks = (['text_only', 'one_image_no_slices'] as const).map((name): Check => ({
  area: 'golden values',
  name: `logits of every position of ${PROMPTS[name]}`,
  runs: 'each',
  needsImages: name !== 'text_only',
  run: async (context) => {
    const prompt = context.golden.prompt(name);
    const { data } = await allLogits(await context.model(), await golden(context, prompt));
    const expected = await context.golden.values(prompt.all_logits!);
    context.measured('logits', expectClose(data, expected, context.tolerance.logits, 'logits against PyTorch'));
  },
}));

/** Greedy decoding with quantised weights takes a path of its own: there the logits are compared, not the ids. */
const greedyChecks = Object.entries(PROMPTS).map(([name, title]): Check => ({
  area: 'golden values',
  name: `20 greedy ids after ${title}`,
  runs: 'exact',
  needsImages: name !== 'text_only',
  run: async (context) => {
    const prompt = context.golden.prompt(name);
    const sequence = (await context.model()).createSequence();
    const ids = await greedy(sequence, await golden(context, prompt), { count: 20 });
    sequence.dispose();
    expectEqual(ids, prompt.greedy_20, 'greedy ids');
  },
}));

/** Prompts whose logits are other ones when every image is encoded alone. */
const apartCheck: Check = {
  area: 'golden values',
  name: 'every image alone when the configuration says so',
  runs: 'once',
  needsImages: true,
  run: async (context) => {
    const model = await context.open('golden-apart');
    expectEqual(model.config.batchVisionInput, false, 'config.batchVisionInput');
    for (const [name, title] of SOME) {
      const prompt = context.golden.prompt(name);
      const logits = await freshLogits(model, await golden(context, prompt, model));
      const expected = await context.golden.values(prompt.batch_vision_input_false?.last_logits ?? prompt.last_logits);
      expectClose(logits, expected, context.tolerance.logits, `logits after ${title}`);
    }
  },
};

export const goldenValueChecks: readonly Check[] = [
  {
    area: 'golden values',
    name: 'features of every image alone',
    runs: 'each',
    needsImages: true,
    run: async (context) => {
      for (const image of IMAGES) {
        const values = await (await context.encode([image])).read();
        const expected = await context.golden.features(image);
        const difference = expectClose(values, expected, context.tolerance.features, `features of ${image}`);
        context.measured('features', difference);
      }
    },
  },
  ...lastLogitsChecks,
  ...allLogitsChecks,
  ...greedyChecks,
  apartCheck,
];
