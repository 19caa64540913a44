import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DenseLogits } from '@pocketlens/backend';
import { graphPart } from '@pocketlens/backend-onnx';
import { convertGolden, largestDifference, TOLERANCE } from '../../test/golden.js';
import { findTuning, onnxruntimeNode, tuneModel } from '../index.js';
import type { OnnxRuntimeNodeOptions, TuningStep } from '../index.js';

let directory: string;
let cleanUp: () => Promise<void>;
let root: string;
let cacheDirectory: string;

beforeAll(async () => {
  ({ directory, remove: cleanUp } = await convertGolden({ dtypes: ['fp32', 'q4'] }));
  root = await mkdtemp(join(tmpdir(), 'pocketlens-tuning-'));
});

beforeEach(async () => {
  cacheDirectory = join(root, 'cache');
  await rm(cacheDirectory, { recursive: true, force: true });
});

afterAll(async () => {
  await cleanUp();
  await rm(root, { recursive: true, force: true });
});

const ids = Array.from({ length: 300 }, (_, index) => 20 + ((index * 7) % 400));
const files = (): Promise<string[]> => readdir(join(cacheDirectory, 'tuning'));
/** With these only the passes of a prompt are measured, which takes the least time. */
const GIVEN = { threads: 1, spinning: false } as const;

interface Run {
  readonly logits: Float32Array;
  /** Positions after each pass. */
  readonly passes: readonly number[];
}

async function run(options: OnnxRuntimeNodeOptions, dtype: 'fp32' | 'q4' = 'fp32'): Promise<Run> {
  const model = await onnxruntimeNode({ worker: false, cacheDirectory, ...options }).loadModel(directory, { dtype });
  const passes: number[] = [];
  const prompt = await model.createSequence().append([{ ids }], {
    logits: 'all',
    onProgress: ({ done }) => passes.push(done),
  });
  await model.dispose();
  return { logits: (prompt as DenseLogits).data, passes };
}

/** Writes other values into the only entry. */
async function edit(change: (entry: Record<string, unknown>) => unknown): Promise<string> {
  const [name] = await files();
  const file = join(cacheDirectory, 'tuning', name!);
  const changed = change(JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>);
  await writeFile(file, typeof changed === 'string' ? changed : JSON.stringify(changed));
  return file;
}

describe('tuneModel', () => {
  it('measures threads, waiting and passes of the model, and keeps the choice', async () => {
    const steps: TuningStep[] = [];
    const { isStored, ...chosen } = await tuneModel(directory, {
      cacheDirectory,
      onStep: (step) => steps.push(step),
    });
    expect(isStored).toBe(true);
    expect(await findTuning(directory, { cacheDirectory })).toEqual(chosen);
    expect(chosen.threads).toBeGreaterThanOrEqual(1);
    expect([64, 128, 256]).toContain(chosen.prefillChunk);
    for (const { setting, value, ratio, isTaken } of steps) {
      expect(ratio).toBeGreaterThan(0);
      if (isTaken) expect(ratio).toBeLessThanOrEqual(0.95);
      else if (setting === 'spinning') expect(chosen.spinning).toBe(false);
      if (isTaken && setting !== 'threads') expect(chosen[setting]).toBe(value);
    }
    expect(await files()).toHaveLength(1);
  });

  it('leaves alone what is given, and the passes of an int8 cache, whose numbers depend on them', async () => {
    const steps: TuningStep[] = [];
    const onStep = (step: TuningStep): void => void steps.push(step);
    const given = { ...GIVEN, prefillChunk: 50, cacheDirectory, onStep };
    expect(await tuneModel(directory, given)).toEqual({
      threads: 1,
      spinning: false,
      prefillChunk: 50,
      isStored: true,
    });
    expect(await tuneModel(directory, { ...GIVEN, kvCache: 'int8', cacheDirectory, onStep })).toMatchObject({
      prefillChunk: 128,
    });
    expect(steps).toEqual([]);
  });

  it('keeps choices apart by weights and by given settings', async () => {
    const given = { ...GIVEN, prefillChunk: 50, cacheDirectory };
    await tuneModel(directory, given);
    await tuneModel(directory, { ...given, dtype: 'q4' });
    await tuneModel(directory, { ...given, prefillDtype: 'q4' });
    await tuneModel(directory, { ...given, spinning: true });
    expect(await files()).toHaveLength(4);
    expect(await findTuning(directory, { ...given, threads: 2 })).toBeUndefined();
    expect(await findTuning(directory, { ...given, spinning: true })).toMatchObject({ spinning: true });
  });

  it('measures prompts on their own weights where they have some', async () => {
    const steps: TuningStep[] = [];
    const options = {
      ...GIVEN,
      prefillDtype: 'q4',
      cacheDirectory,
      onStep: (step: TuningStep) => steps.push(step),
    } as const;
    await tuneModel(directory, options);
    expect(steps.map(({ value }) => value)).toEqual([64, 256]);
  });

  it('stops on a signal and leaves nothing', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const late = tuneModel(directory, {
      ...GIVEN,
      cacheDirectory,
      signal: controller.signal,
      onStep: () => controller.abort(reason),
    });
    await expect(late).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
    const early = tuneModel(directory, { cacheDirectory, signal: AbortSignal.abort(reason) });
    await expect(early).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
    expect(existsSync(cacheDirectory)).toBe(false);
  });

  it('says what is wrong with a model', async () => {
    await expect(tuneModel(directory, { dtype: 'int8', cacheDirectory })).rejects.toMatchObject({
      code: 'MODEL_DTYPE',
    });
    await expect(tuneModel(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'MODEL_FILE_MISSING' });
  });
});

describe('a load with autoTune', () => {
  it('measures once, takes the choice from then on, and computes what it computed', async () => {
    const plain = await run({ threads: 1 });
    const first = await run({ ...GIVEN, autoTune: true });
    const [entry] = await files();
    await edit((choice) => ({ ...choice, prefillChunk: 70 }));
    const again = await run({ ...GIVEN, autoTune: true });
    expect(again.passes).toEqual([70, 140, 210, 280, 300]);
    expect(await files()).toEqual([entry]);
    for (const { logits } of [first, again]) {
      expect(largestDifference(logits, plain.logits)).toBeLessThan(TOLERANCE.logits);
    }
  });

  it('has the logits of any other number of threads and way of waiting', async () => {
    await tuneModel(directory, { cacheDirectory, prefillChunk: 128 });
    const plain = await run({ threads: 1 });
    for (const spinning of [false, true]) {
      const file = await edit((choice) => ({ ...choice, threads: 2, spinning }));
      const tuned = await run({ autoTune: 'cached', prefillChunk: 128 });
      expect(largestDifference(tuned.logits, plain.logits)).toBeLessThan(TOLERANCE.logits);
      expect(existsSync(file)).toBe(true);
    }
  });

  it('works in a worker, and prefers what is given', async () => {
    await run({ ...GIVEN, autoTune: true, worker: true });
    await edit((choice) => ({ ...choice, prefillChunk: 100 }));
    expect((await run({ ...GIVEN, autoTune: 'cached', worker: true })).passes).toEqual([100, 200, 300]);
    expect((await run({ ...GIVEN, autoTune: 'cached', prefillChunk: 150 })).passes).toEqual([150, 300]);
    expect((await run(GIVEN)).passes).toEqual([128, 256, 300]);
  });

  it("measures nothing with 'cached'", async () => {
    expect((await run({ ...GIVEN, autoTune: 'cached' })).passes).toEqual([128, 256, 300]);
    expect(existsSync(cacheDirectory)).toBe(false);
  });

  it.each([
    ['a cut file', () => '{"key":'],
    ['no choice', () => []],
    ['a copy under another name', (entry: object) => ({ ...entry, key: 'of another model' })],
    ['more threads than there are', (entry: object) => ({ ...entry, threads: 100_000 })],
    ['a number that is none', (entry: object) => ({ ...entry, prefillChunk: '64' })],
    ['another form', (entry: object) => ({ ...entry, spinning: undefined })],
  ] as const)('ignores %s, and makes it again', async (_, damage) => {
    const given = { ...GIVEN, prefillChunk: 50, cacheDirectory };
    await tuneModel(directory, given);
    const file = await edit(damage);
    expect(await findTuning(directory, given)).toBeUndefined();
    await run({ ...GIVEN, prefillChunk: 50, autoTune: true });
    expect(await findTuning(directory, given)).toEqual({ ...GIVEN, prefillChunk: 50 });
    expect(existsSync(file)).toBe(true);
  });

  it('loads as without where the folder cannot be written, and where files are wrong says so', async () => {
    const file = join(root, 'a-file');
    await writeFile(file, '');
    const here = { cacheDirectory: join(file, 'below') };
    expect((await run({ ...GIVEN, ...here, prefillChunk: 128, autoTune: true })).passes).toEqual([128, 256, 300]);
    expect(await tuneModel(directory, { ...GIVEN, ...here, prefillChunk: 128 })).toMatchObject({ isStored: false });
    const missing = onnxruntimeNode({ autoTune: true, cacheDirectory }).loadModel(join(root, 'nowhere'));
    await expect(missing).rejects.toMatchObject({ code: 'MODEL_FILE_MISSING' });
  });

  it('is stopped by its signal', async () => {
    const controller = new AbortController();
    const loading = onnxruntimeNode({ autoTune: true, cacheDirectory }).loadModel(directory, {
      signal: controller.signal,
    });
    controller.abort(new Error('enough'));
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
    expect(existsSync(cacheDirectory)).toBe(false);
  });
});

describe('a part of a decoder', () => {
  it('has the numbers of the whole, and none of the weights behind', async () => {
    const path = join(directory, 'onnx', 'decoder_model_merged.onnx');
    const whole = await readFile(path);
    const part = graphPart(whole, ['new.1.key', 'new.1.value']);
    expect(part.length).toBeLessThan(whole.length);
    const external = { model_external_initializers_file_folder_path: join(directory, 'onnx') };
    const open = (content: Uint8Array): Promise<InferenceSession> =>
      InferenceSession.create(content, { extra: { session: external }, logSeverityLevel: 3 });
    const [all, some] = [await open(whole), await open(part)];
    expect(some.outputNames).toEqual(['new.1.key', 'new.1.value']);
    expect(some.inputNames).not.toContain('logits_index');
    const past = new Float32Array(2 * 8 * 32);
    const inputs: Record<string, Tensor> = {
      inputs_embeds: new Tensor(
        'float32',
        Float32Array.from({ length: 3 * 256 }, (_, i) => Math.sin(i)),
        [1, 3, 256],
      ),
      seqlens_k: new Tensor('int32', Int32Array.of(2), [1]),
      total_sequence_length: new Tensor('int32', Int32Array.of(3), []),
      kv_start: new Tensor('int64', BigInt64Array.of(0n), [1]),
      kv_end: new Tensor('int64', BigInt64Array.of(3n), [1]),
      logits_index: new Tensor('int64', BigInt64Array.of(2n), [1]),
    };
    for (const name of all.inputNames.filter((input) => input.startsWith('past.'))) {
      inputs[name] = new Tensor('float32', past, [1, 2, 8, 32]);
    }
    const expected = await all.run(inputs);
    const actual = await some.run(Object.fromEntries(some.inputNames.map((name) => [name, inputs[name]!])));
    for (const name of some.outputNames) expect(actual[name]!.data).toEqual(expected[name]!.data);
    await all.release();
    await some.release();
  });

  it('cannot be made of an output that is not there', async () => {
    const whole = await readFile(join(directory, 'onnx', 'decoder_model_merged.onnx'));
    expect(() => graphPart(whole, ['new.99.key'])).toThrow(expect.objectContaining({ code: 'BACKEND_UNSUPPORTED' }));
  });
});
