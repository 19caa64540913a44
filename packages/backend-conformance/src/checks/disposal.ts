import type { Check } from '../check.js';
import { expectClose, expectCode } from '../expect.js';
import { freshLogits, someIds } from './sequence-tools.js';

const LONG = 2000;

export const disposalChecks: readonly Check[] = [
  {
    area: 'disposal',
    name: 'a sequence: twice, and use after it',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence();
      await sequence.append([{ ids: someIds(4) }]);
      sequence.dispose();
      sequence.dispose();
      await expectCode(() => sequence.append([{ ids: [20] }]), 'DISPOSED', 'append after dispose');
      await expectCode(() => sequence.truncate(1), 'DISPOSED', 'truncate after dispose');
      await expectCode(() => sequence.fork(), 'DISPOSED', 'fork after dispose');
    },
  },
  {
    area: 'disposal',
    name: 'a sequence while it works',
    runs: 'once',
    run: async (context) => {
      const model = await context.model();
      const sequence = model.createSequence();
      const running = expectCode(
        () => sequence.append([{ ids: someIds(LONG) }]),
        'DISPOSED',
        `append of ${LONG} ids, disposed right after the call`,
      );
      sequence.dispose();
      await running;
      await freshLogits(model, [{ ids: someIds(4) }]);
    },
  },
  {
    area: 'disposal',
    name: 'image features: twice, and use after it',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const features = await context.encode(['sliver']);
      features.dispose();
      features.dispose();
      const sequence = (await context.model()).createSequence();
      await expectCode(() => features.read(), 'DISPOSED', 'read after dispose');
      await expectCode(() => sequence.append([{ features, slice: 0 }]), 'DISPOSED', 'append of disposed features');
      sequence.dispose();
    },
  },
  {
    area: 'disposal',
    name: 'a model: twice, and use after it',
    runs: 'once',
    run: async (context) => {
      const model = await context.open('golden');
      const sequence = model.createSequence();
      await sequence.append([{ ids: someIds(4) }]);
      await Promise.all([model.dispose(), model.dispose()]);
      await model.dispose();
      await expectCode(() => model.createSequence(), 'DISPOSED', 'createSequence after dispose');
      await expectCode(() => model.encodeImages([]), 'DISPOSED', 'encodeImages after dispose');
      await expectCode(() => sequence.append([{ ids: [20] }]), 'DISPOSED', 'append to a sequence of a disposed model');
      sequence.dispose();
    },
  },
  {
    area: 'disposal',
    name: 'a model while it works',
    runs: 'once',
    run: async (context) => {
      const model = await context.open('golden');
      const sequence = model.createSequence();
      const running = expectCode(
        () => sequence.append([{ ids: someIds(LONG) }]),
        'DISPOSED',
        `append of ${LONG} ids, the model disposed right after the call`,
      );
      await model.dispose();
      await running;
    },
  },
  {
    area: 'disposal',
    name: 'one model leaves another alone',
    runs: 'once',
    run: async (context) => {
      const kept = await context.model();
      const ids = someIds(6);
      const before = await freshLogits(kept, [{ ids }]);
      const other = await context.open('golden');
      await other.dispose();
      const after = await freshLogits(kept, [{ ids }]);
      expectClose(after, before, context.tolerance.consistency, 'the model that stays');
    },
  },
];
