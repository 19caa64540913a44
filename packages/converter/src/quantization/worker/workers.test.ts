import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { normalNumbers } from '../../../test/random-checkpoint.js';
import { quantizedBytes } from '../rows.js';
import type { QuantizationScheme } from '../scheme.js';
import { startWorker } from './start-worker.js';
import { inputOf, quantizeTask, type RowsTask } from './task.js';
import { QuantizationWorkers } from './workers.js';

const SCHEMES: readonly QuantizationScheme[] = [
  { bits: 8 },
  { bits: 4, blockSize: 32, rounding: 'least-squares' },
  { bits: 4, blockSize: 128, rounding: 'max-abs' },
];
const ROWS = 5;
const COLUMNS = 301;

function newTask(seed: number): RowsTask {
  const scheme = SCHEMES[seed % SCHEMES.length]!;
  const inputBytes = ROWS * COLUMNS * 4;
  const task: RowsTask = {
    input: new SharedArrayBuffer(inputBytes),
    inputBytes,
    dtype: 'F32',
    rows: ROWS,
    columns: COLUMNS,
    scheme,
    output: new SharedArrayBuffer(quantizedBytes(ROWS, COLUMNS, scheme)),
  };
  new Float32Array(task.input).set(Float32Array.from({ length: ROWS * COLUMNS }, normalNumbers(seed)));
  return task;
}

/** What a task gives in this thread. */
function expected(task: RowsTask): Buffer {
  const here = { ...task, output: new SharedArrayBuffer(task.output.byteLength) };
  quantizeTask(here, 'test');
  return Buffer.from(here.output);
}

let workers: QuantizationWorkers | undefined;
let started = 0;

function open(threads: number, start: () => Worker = startWorker): QuantizationWorkers {
  started = 0;
  workers = new QuantizationWorkers(threads, () => {
    started++;
    return start();
  });
  return workers;
}

afterEach(() => workers?.close());

describe('threads that quantise', () => {
  it('give what the calling thread gives, for many tasks at the same time', async () => {
    const tasks = Array.from({ length: 40 }, (_, seed) => newTask(seed));
    const quantizer = open(3);
    await Promise.all(tasks.map((task) => quantizer.run(task, 'test')));
    expect(started).toBe(3);
    for (const task of tasks) expect(Buffer.from(task.output).equals(expected(task))).toBe(true);
  });

  it('are not started before there is something to do', async () => {
    await open(2).close();
    expect(started).toBe(0);
  });

  it('refuse a value that is not finite, with the name of the tensor, and go on', async () => {
    const quantizer = open(2);
    const [broken, whole] = [newTask(1), newTask(2)];
    new Float32Array(broken.input)[777] = NaN;
    await expect(quantizer.run(broken, 'llm.some.weight')).rejects.toMatchObject({
      code: 'MODEL_DTYPE',
      message: expect.stringContaining('"llm.some.weight" holds NaN'),
    });
    await quantizer.run(whole, 'test');
    expect(Buffer.from(whole.output).equals(expected(whole))).toBe(true);
  });

  it.each([
    ['ends at once', 'process.exit(1)'],
    ['throws', 'throw new Error("no thread")'],
    ['ends with its first task', "require('node:worker_threads').parentPort.once('message', () => process.exit(1))"],
  ])('are done without when one %s', async (_, code) => {
    const quantizer = open(2, () => new Worker(code, { eval: true, execArgv: [] }));
    const tasks = Array.from({ length: 20 }, (_, seed) => newTask(seed));
    await Promise.all(tasks.map((task) => quantizer.run(task, 'test')));
    const late = newTask(50);
    await quantizer.run(late, 'test');
    for (const task of [...tasks, late]) expect(Buffer.from(task.output).equals(expected(task))).toBe(true);
    const broken = newTask(3);
    inputOf(broken).bytes.fill(0xff);
    await expect(quantizer.run(broken, 'test')).rejects.toMatchObject({ code: 'MODEL_DTYPE' });
  });
});
