import type { Check } from '../check.js';
import { expectEqual } from '../expect.js';
import { promptParts } from '../kit/golden.js';
import { loadTinyCases } from '../kit/tiny-cases.js';
import { greedy } from './sequence-tools.js';

export const endToEndChecks: readonly Check[] = [
  {
    area: 'end to end',
    name: 'the embedded model answers with the expected ids',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      if (!context.dtypes.includes('fp16')) context.skip('the embedded model is fp16');
      const { cases, stopIds } = await loadTinyCases();
      const model = await context.open('tiny', { dtype: 'fp16' });
      for (const { question, answer, ids, imageBounds: bounds, slices, expectedIds } of cases) {
        const features = await model.encodeImages(slices);
        const sequence = model.createSequence({ capacity: ids.length + expectedIds.length });
        const found = await greedy(sequence, promptParts({ ids, bounds }, features), {
          count: expectedIds.length,
          stopIds,
        });
        expectEqual(found, expectedIds, `ids of the answer "${answer}" to "${question}"`);
        sequence.dispose();
        features.dispose();
      }
    },
  },
];
