import type { Check } from '../check.js';
import { expect, expectClose, expectDense, expectEqual } from '../expect.js';
import { allLogits, rowOf, someIds } from './sequence-tools.js';

const SAME = { kind: 'absolute', value: 0 } as const;

export const shapeChecks: readonly Check[] = [
  {
    area: 'shapes',
    name: 'features are [slices, queries, hiddenSize] in float32, and read() hands out copies',
    runs: 'each',
    needsImages: true,
    run: async (context) => {
      const { config } = await context.model();
      const features = await context.encode(['wide', 'sliver']);
      const { sliceCount, queries, hiddenSize } = features;
      expectEqual([sliceCount, queries, hiddenSize], [2, config.queries, config.hiddenSize], 'shape');
      const first = await features.read();
      const kept = first.slice();
      first.fill(0);
      expectClose(await features.read(), kept, SAME, 'a second read() after the first was overwritten');
    },
  },
  {
    area: 'shapes',
    name: "'last' gives one row, 'all' a row for each position, and both agree",
    runs: 'each',
    run: async (context) => {
      const model = await context.model();
      const ids = someIds(24);
      const all = await allLogits(model, [{ ids }]);
      expectEqual(all.vocabSize, model.config.vocabSize, 'vocabSize');
      const sequence = model.createSequence();
      const last = expectDense(await sequence.append([{ ids }], { logits: 'last' }), 1, "logits: 'last'");
      expectEqual(sequence.length, ids.length, 'length after append');
      expectClose(last.data, rowOf(all, ids.length - 1), context.tolerance.consistency, "'last' against 'all'");
      sequence.dispose();
    },
  },
  {
    area: 'shapes',
    name: 'top n gives the best n of the last position, descending',
    runs: 'each',
    run: async (context) => {
      const model = await context.model();
      const [dense, sequence] = [model.createSequence(), model.createSequence()];
      const ids = someIds(12);
      const { data } = expectDense(await dense.append([{ ids }]), 1, 'append');
      const top = await sequence.append([{ ids }], { logits: { top: 5 } });
      expect(top.type === 'top', `expected top logits, received ${top.type}`);
      expectEqual([top.rows, top.count, top.ids.length, top.values.length], [1, 5, 5, 5], 'rows, count and lengths');
      const order = Array.from(data.keys()).toSorted((a, b) => data[b]! - data[a]! || a - b);
      expectEqual(Array.from(top.ids), order.slice(0, 5), 'ids of the best 5');
      const expected = Float32Array.from(order.slice(0, 5), (id) => data[id]!);
      expectClose(top.values, expected, context.tolerance.consistency, 'values of the best 5');
      const most = await sequence.append([{ ids: [20] }], { logits: { top: model.config.vocabSize + 1 } });
      expectEqual('count' in most ? most.count : 0, model.config.vocabSize, 'count when more than all are asked for');
      dense.dispose();
      sequence.dispose();
    },
  },
  {
    area: 'shapes',
    name: 'logits stay as they were handed out',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence();
      const { data } = expectDense(await sequence.append([{ ids: someIds(3) }]), 1, 'append');
      const kept = data.slice();
      await sequence.append([{ ids: someIds(3, 5) }]);
      expectClose(data, kept, SAME, 'logits after the next append');
      sequence.dispose();
    },
  },
  {
    area: 'shapes',
    name: 'ids may be numbers or a Uint32Array, in any number of parts',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const ids = someIds(9);
      const whole = await allLogits(model, [{ ids }]);
      const parts = [{ ids: ids.slice(0, 2) }, { ids: [] }, { ids: Uint32Array.from(ids.slice(2)) }];
      const pieces = await allLogits(model, parts);
      expectClose(pieces.data, whole.data, context.tolerance.consistency, 'parts against one run of ids');
    },
  },
];
