import { AbortError } from '@pocketlens/backend';
import type { BackendModelV1, SequenceV1 } from '@pocketlens/backend';
import type { Check, CheckContext } from '../check.js';
import { expect, expectClose, expectCode, expectEqual } from '../expect.js';
import { freshLogits, lastLogits, someIds } from './sequence-tools.js';

const REASON = new Error('the caller has seen enough');
/** Long enough that no engine is done before it can see a signal. */
const LONG = 2000;
const HELD = 5;

/** Expects `ABORTED` by name, with the reason of the signal as cause. */
async function expectAborted(work: () => unknown, what: string): Promise<void> {
  const error = await expectCode(work, 'ABORTED', what);
  expectEqual(error.name, AbortError.name, `${what}: name of the error`);
  expect(error.cause === REASON, `${what}: cause must be the reason of the signal, received ${String(error.cause)}`);
}

/** Starts work, then fires its signal before anything else can run. */
function abortedAtOnce<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const running = work(controller.signal);
  controller.abort(REASON);
  return running;
}

async function heldSequence(model: BackendModelV1): Promise<SequenceV1> {
  const sequence = model.createSequence();
  await sequence.append([{ ids: someIds(HELD) }]);
  return sequence;
}

/** Expects the sequence to be what it was before the aborted append, in length and in what it computes. */
async function expectUntouched(context: CheckContext, sequence: SequenceV1): Promise<void> {
  expectEqual(sequence.length, HELD, 'length after the aborted append');
  const whole = await freshLogits(await context.model(), [{ ids: [...someIds(HELD), 60] }]);
  const found = await lastLogits(sequence, [{ ids: [60] }]);
  expectClose(found, whole, context.tolerance.consistency, 'the next append after the aborted one');
  sequence.dispose();
}

export const abortChecks: readonly Check[] = [
  {
    area: 'abort',
    name: 'before loading',
    runs: 'once',
    run: async ({ backend, dtype, source }) => {
      const from = await source('golden');
      const options = { dtype, signal: AbortSignal.abort(REASON) };
      await expectAborted(() => backend.loadModel(from, options), 'loadModel with an aborted signal');
    },
  },
  {
    area: 'abort',
    name: 'while loading; the next load works',
    runs: 'once',
    run: async (context) => {
      const { backend, dtype } = context;
      const from = await context.source('golden');
      const load = (): unknown => abortedAtOnce((signal) => backend.loadModel(from, { dtype, signal }));
      await expectAborted(load, 'loadModel, aborted right after the call');
      await freshLogits(await context.open('golden'), [{ ids: someIds(3) }]);
    },
  },
  {
    area: 'abort',
    name: 'before encoding',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const slices = await context.golden.slices(['wide']);
      const encode = (): unknown => model.encodeImages(slices, { signal: AbortSignal.abort(REASON) });
      await expectAborted(encode, 'encodeImages with an aborted signal');
    },
  },
  {
    area: 'abort',
    name: 'while encoding; the next images are encoded',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const slices = await context.golden.slices(Array.from({ length: 10 }, () => 'wide'));
      const encode = (): unknown => abortedAtOnce((signal) => model.encodeImages(slices, { signal }));
      await expectAborted(encode, 'encodeImages of 10 slices, aborted right after the call');
      const values = await (await context.encode(['wide'])).read();
      expectClose(values, await context.golden.features('wide'), context.tolerance.features, 'the next image');
    },
  },
  {
    area: 'abort',
    name: 'between slices',
    runs: 'once',
    needsImages: true,
    run: async (context) => {
      const model = await context.model();
      const controller = new AbortController();
      const seen: number[] = [];
      const options = {
        signal: controller.signal,
        onProgress: ({ done }: { readonly done: number }) => {
          seen.push(done);
          controller.abort(REASON);
        },
      };
      // Enough work that a busy machine hands the signal to a worker before all of it is done.
      const slices = await context.golden.slices(Array.from({ length: 16 }, () => 'full'));
      await expectAborted(() => model.encodeImages(slices, options), 'encodeImages, aborted after the first slice');
      expect(seen.length < slices.length, `all ${slices.length} slices were encoded after the signal`);
    },
  },
  {
    area: 'abort',
    name: 'before an append; the sequence stays',
    runs: 'once',
    run: async (context) => {
      const sequence = await heldSequence(await context.model());
      const append = (): unknown => sequence.append([{ ids: [60] }], { signal: AbortSignal.abort(REASON) });
      await expectAborted(append, 'append with an aborted signal');
      await expectUntouched(context, sequence);
    },
  },
  {
    area: 'abort',
    name: 'while a long prompt is read; the sequence stays',
    runs: 'once',
    run: async (context) => {
      const sequence = await heldSequence(await context.model());
      const append = (): unknown => abortedAtOnce((signal) => sequence.append([{ ids: someIds(LONG) }], { signal }));
      await expectAborted(append, `append of ${LONG} ids, aborted right after the call`);
      await expectUntouched(context, sequence);
    },
  },
  {
    area: 'abort',
    name: 'between passes of a long prompt; the sequence stays',
    runs: 'once',
    run: async (context) => {
      const sequence = await heldSequence(await context.model());
      const controller = new AbortController();
      const seen: number[] = [];
      const onProgress = ({ done }: { readonly done: number }): void => {
        seen.push(done);
        controller.abort(REASON);
      };
      const options = { signal: controller.signal, onProgress };
      const append = (): unknown => sequence.append([{ ids: someIds(LONG) }], options);
      await expectAborted(append, `append of ${LONG} ids, aborted after its first pass`);
      expect(seen.at(-1)! < LONG, `all ${LONG} positions were read after the signal`);
      await expectUntouched(context, sequence);
    },
  },
  {
    area: 'abort',
    name: 'a signal that fires after the work changes nothing',
    runs: 'once',
    run: async (context) => {
      const sequence = (await context.model()).createSequence();
      const controller = new AbortController();
      await sequence.append([{ ids: someIds(HELD) }], { signal: controller.signal });
      controller.abort(REASON);
      await expectUntouched(context, sequence);
    },
  },
];
