import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPocketlensError } from '@pocketlens/backend';
import type { BackendModelV1, Logits, SliceInput } from '@pocketlens/backend';
import { convertGolden, goldenSlice, largestDifference, TOLERANCE } from '../../test/golden.js';
import { runProgram } from '../../test/run-from-source.js';
import { onnxruntimeNode } from '../index.js';

const values = (logits: Logits): Float32Array => (logits.type === 'dense' ? logits.data : logits.values);

/** A picture of so many patches side by side. */
const strip = (patches: number): SliceInput => ({
  pixelValues: Float32Array.from({ length: 3 * 14 * 14 * patches }, (_, i) => Math.sin(i)),
  targetSize: [1, patches],
});

interface Facts {
  readonly name: string;
  readonly code: unknown;
  readonly message: string;
  readonly hint: unknown;
  readonly details: unknown;
  readonly isBranded: boolean;
  readonly causes: readonly string[];
}

function facts(error: unknown): Facts {
  if (!(error instanceof Error)) throw new Error('an error expected');
  const causes: string[] = [];
  for (let { cause } = error; cause instanceof Error; cause = cause.cause)
    causes.push(`${cause.name}: ${cause.message}`);
  return {
    name: error.name,
    code: Reflect.get(error, 'code'),
    message: error.message,
    hint: Reflect.get(error, 'hint'),
    details: Reflect.get(error, 'details'),
    isBranded: isPocketlensError(error),
    causes,
  };
}

const failure = (work: Promise<unknown>): Promise<Facts> =>
  work.then(() => Promise.reject(new Error('it succeeded')), facts);

describe('a model in a worker thread', () => {
  let directory: string;
  let cleanUp: () => Promise<void>;
  let threaded: BackendModelV1;
  let local: BackendModelV1;

  beforeAll(async () => {
    ({ directory, remove: cleanUp } = await convertGolden());
    threaded = await onnxruntimeNode({ threads: 1 }).loadModel(directory);
    local = await onnxruntimeNode({ threads: 1, worker: false }).loadModel(directory);
  });

  afterAll(async () => {
    await threaded.dispose();
    await local.dispose();
    await cleanUp();
  });

  it('gives the very numbers of a model in this thread', async () => {
    const results = [];
    for (const model of [threaded, local]) {
      const features = await model.encodeImages(['wide', 'square'].map(goldenSlice));
      const sequence = model.createSequence({ capacity: 700 });
      const prompt = [{ ids: [20, 21] }, { features, slice: 1 }, { ids: Uint32Array.of(22) }];
      const all = await sequence.append(prompt, { logits: 'all' });
      const fork = sequence.fork();
      sequence.truncate(5);
      const after = [
        await sequence.append([{ ids: [30] }]),
        await fork.append([{ ids: [31] }], { logits: { top: 3 } }),
      ];
      results.push({
        config: model.config,
        capabilities: model.capabilities,
        features: await features.read(),
        logits: [all, ...after].map((logits) => [logits.type, logits.rows, values(logits)]),
        lengths: [sequence.length, sequence.capacity, fork.length, fork.capacity],
      });
    }
    expect(results[0]).toEqual(results[1]);
  });

  it('leaves the event loop free while one long graph runs', async () => {
    const slices = [strip(3000)];
    const longestGap = async (model: BackendModelV1): Promise<{ gap: number; ticks: number; total: number }> => {
      const start = performance.now();
      let [last, gap, ticks] = [start, 0, 0];
      const timer = setInterval(() => {
        gap = Math.max(gap, performance.now() - last);
        last = performance.now();
        ticks += 1;
      }, 5);
      await model.encodeImages(slices);
      clearInterval(timer);
      return { gap: Math.max(gap, performance.now() - last), ticks, total: performance.now() - start };
    };
    const blocked = await longestGap(local);
    const free = await longestGap(threaded);
    expect(blocked.gap).toBeGreaterThan(blocked.total / 2);
    expect(free.gap).toBeLessThan(free.total / 2);
    expect(free.ticks).toBeGreaterThan(10);
  });

  it('reports errors as a model in this thread does: class, code, message, hint, details, causes', async () => {
    const failures: ((model: BackendModelV1) => Promise<unknown>)[] = [
      (model) => model.createSequence().append([]),
      (model) => model.createSequence().append([{ ids: [512] }]),
      (model) => model.createSequence({ capacity: 2 }).append([{ ids: [1, 2, 3] }]),
      (model) => model.createSequence().append([{ ids: [1] }], { logits: { top: 0 } }),
      (model) => model.encodeImages([{ pixelValues: new Float32Array(3), targetSize: [2, 2] }]),
      async (model) => model.createSequence({ capacity: 0 }),
      async (model) => model.createSequence().truncate(1),
      async (model) => {
        const sequence = model.createSequence();
        sequence.dispose();
        return sequence.append([{ ids: [1] }]);
      },
      async (model) => {
        const features = await model.encodeImages([goldenSlice('wide')]);
        features.dispose();
        return features.read();
      },
      async (model) => {
        const features = await model.encodeImages([goldenSlice('wide')]);
        return model.createSequence().append([{ features, slice: 7 }]);
      },
      async (model) => {
        const reason = new Error('enough');
        return model.encodeImages([goldenSlice('wide')], { signal: AbortSignal.abort(reason) });
      },
    ];
    for (const fail of failures) expect(await failure(fail(threaded))).toEqual(await failure(fail(local)));
    const load = (worker: boolean): Promise<Facts> =>
      failure(onnxruntimeNode({ worker }).loadModel(`${directory}/nowhere`));
    const missing = await load(true);
    expect(missing).toEqual(await load(false));
    expect(missing.causes[0]).toMatch(/ENOENT/);
  });

  it('refuses features of another model', async () => {
    const features = await local.encodeImages([goldenSlice('wide')]);
    await expect(threaded.createSequence().append([{ features, slice: 0 }])).rejects.toMatchObject({
      name: 'InvalidArgumentError',
      code: 'ARGUMENT_TYPE',
    });
  });

  it('sees a signal between the chunks of a prefill, and is as it was before', async () => {
    const sequence = threaded.createSequence();
    const before = await sequence.append([{ ids: [20, 21] }]);
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: number[] = [];
    const ids = Array.from({ length: 8000 }, (_, i) => 20 + (i % 400));
    const appending = sequence.append([{ ids }], {
      signal: controller.signal,
      onProgress: ({ done }) => {
        seen.push(done);
        controller.abort(reason);
      },
    });
    await expect(appending).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: reason });
    expect(seen.at(-1)).toBeLessThan(4000);
    expect(sequence.length).toBe(2);
    sequence.truncate(1);
    const again = await sequence.append([{ ids: [21] }]);
    expect(largestDifference(values(again), values(before))).toBeLessThan(TOLERANCE.logits);
  });

  it('takes back what was done when the signal comes too late, or when a listener throws', async () => {
    const fresh = values(await threaded.createSequence().append([{ ids: [20, 21, 22] }]));
    const sequence = threaded.createSequence();
    await sequence.append([{ ids: [20, 21] }]);
    const controller = new AbortController();
    const late = sequence.append([{ ids: [99] }], { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(late).rejects.toMatchObject({ code: 'ABORTED' });
    const thrown = new RangeError('of the listener');
    const listening = sequence.append([{ ids: [98, 97] }], {
      onProgress: () => {
        throw thrown;
      },
    });
    await expect(listening).rejects.toBe(thrown);
    expect(sequence.length).toBe(2);
    expect(largestDifference(values(await sequence.append([{ ids: [22] }])), fresh)).toBeLessThan(TOLERANCE.logits);
  });

  it('leaves the values of the caller alone', async () => {
    const slice = goldenSlice('wide');
    const copy = slice.pixelValues.slice();
    await threaded.encodeImages([slice]);
    expect(slice.pixelValues).toEqual(copy);
  });

  it('ends waiting and later calls with one typed error when the thread dies', async () => {
    const worker = new URL('../../test/crashing-worker.mjs', import.meta.url);
    const model = await onnxruntimeNode({ threads: 1, worker }).loadModel(directory);
    const sequence = model.createSequence();
    const features = await model.encodeImages([strip(12)]);
    const waiting = sequence.append([{ ids: Array.from({ length: 4000 }, () => 30) }]);
    const expected = {
      name: 'BackendError',
      code: 'BACKEND_FAILED',
      message: 'the thread of the model ended with exit code 1: a defect of the engine',
      hint: 'The model is lost: open it again.',
    };
    const crashing = model.encodeImages([strip(13)]);
    await Promise.all([waiting, crashing].map((call) => expect(call).rejects.toMatchObject(expected)));
    await expect(model.encodeImages([strip(12)])).rejects.toMatchObject(expected);
    await expect(sequence.append([{ ids: [1] }])).rejects.toMatchObject(expected);
    await expect(features.read()).rejects.toMatchObject(expected);
    expect(() => model.createSequence()).toThrow(expect.objectContaining(expected));
    expect(() => sequence.truncate(0)).toThrow(expect.objectContaining(expected));
    sequence.dispose();
    features.dispose();
    await expect(model.dispose()).resolves.toBeUndefined();
  });

  it('names what is wrong when the worker file is not there', async () => {
    const worker = new URL('nowhere.mjs', import.meta.url);
    await expect(onnxruntimeNode({ worker }).loadModel(directory)).rejects.toMatchObject({
      name: 'BackendError',
      code: 'BACKEND_MISSING',
      hint: expect.stringContaining('worker: false'),
    });
  });

  it('stops loading on a signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const loading = onnxruntimeNode().loadModel(directory, { signal: controller.signal });
    controller.abort(reason);
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
  });
});

describe('a program', () => {
  let directory: string;
  let cleanUp: () => Promise<void>;

  beforeAll(async () => {
    ({ directory, remove: cleanUp } = await convertGolden());
  });

  afterAll(() => cleanUp());

  const load = (): string => `
    const model = await backend.onnxruntimeNode({ threads: 1 }).loadModel(${JSON.stringify(directory)});
    const sequence = model.createSequence();
    const append = (count) => sequence.append([{ ids: Array.from({ length: count }, () => 30) }]);`;

  it('ends by itself when its models are disposed, when they idle, and not before its calls are answered', async () => {
    const [disposed, idle, working] = await Promise.all([
      runProgram(`${load()} await append(3); await model.dispose(); console.log('disposed');`),
      runProgram(`${load()} await append(3); console.log('idle');`),
      runProgram(`${load()} void append(600).then(({ rows }) => console.log('rows', rows));`),
    ]);
    expect([disposed, idle, working]).toEqual(['disposed\n', 'idle\n', 'rows 1\n']);
  });

  it('frees in the thread what it drops without dispose', async () => {
    const printed = await runProgram(
      `${load()}
      const { setTimeout } = await import('node:timers/promises');
      await append(4000);
      const resident = [];
      for (let i = 0; i < 60; i++) {
        await sequence.fork().append([{ ids: [30] }]);
        gc();
        await setTimeout(1);
        resident.push(process.memoryUsage.rss());
      }
      console.log(JSON.stringify(resident));`,
      ['--expose-gc'],
    );
    const resident = JSON.parse(printed) as number[];
    // Every fork copies 2 layers x keys and values x 2 heads x 4096 positions x 32 float32: 4 MiB; 50 kept ones are 200.
    expect(resident[59]! - resident[9]!).toBeLessThan(100e6);
  });
});
