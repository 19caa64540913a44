import { throwIfAborted } from '../errors.js';
import { weightElementBytes, type WeightDtype } from '../tensors/float.js';
import { readRowBlockInto, rowBlocks } from '../tensors/row-blocks.js';
import { streamTensor, type StreamOptions } from '../tensors/stream.js';
import type { Int4Rows } from './int4.js';
import { int4Bytes } from './rows.js';
import type { Int4Scheme } from './scheme.js';
import type { QuantizedTensor } from './tensor.js';
import { InlineQuantizer, type RowsQuantizer } from './worker/quantizer.js';
import { openTask, type RowsTask } from './worker/task.js';

/** Bytes of the checkpoint in a task: few enough that threads end together, enough to make messages cheap. */
const TASK_BYTES = 2 * 1024 * 1024;
/** Weights from which on other threads are asked: smaller tensors are done before a thread has started. */
const MIN_SHARED_WEIGHTS = 2 * 1024 * 1024;

export interface Int4StreamOptions extends Pick<StreamOptions, 'checkpoint' | 'signal'> {
  /** Threads for large tensors; default: the calling thread. */
  readonly quantizer?: RowsQuantizer | undefined;
}

/**
 * Quantises a matrix while it is read: some rows are read while others are quantised, and come out in their order. What is
 * yielded is valid until the next is asked for.
 */
export async function* streamInt4(
  tensor: QuantizedTensor,
  scheme: Int4Scheme,
  options: Int4StreamOptions,
): AsyncGenerator<Int4Rows> {
  const isLarge = tensor.outputs * tensor.inputs >= MIN_SHARED_WEIGHTS;
  const quantizer = (isLarge ? options.quantizer : undefined) ?? new InlineQuantizer();
  const started: { readonly task: RowsTask; readonly work: Promise<void> }[] = [];
  const takeOldest = async function* (): AsyncGenerator<Int4Rows> {
    const { task, work } = started[0]!;
    await work;
    started.shift();
    yield openTask(task).target;
    quantizer.memory.giveBack(task);
  };
  try {
    for await (const task of readTasks(tensor, scheme, { ...options, quantizer })) {
      const work = quantizer.run(task, tensor.name);
      // Whoever waits for it sees the failure; until then it counts as handled.
      work.catch(() => undefined);
      started.push({ task, work });
      if (started.length > quantizer.ahead) yield* takeOldest();
    }
    while (started.length > 0) yield* takeOldest();
  } finally {
    await Promise.allSettled(started.map(({ work }) => work));
  }
}

/** Reads the matrix into the memory of tasks: as it lies in the checkpoint, or as float32 where it has to be arranged. */
async function* readTasks(
  { source, inputs }: QuantizedTensor,
  scheme: Int4Scheme,
  { checkpoint, signal, quantizer }: Int4StreamOptions & { readonly quantizer: RowsQuantizer },
): AsyncGenerator<RowsTask> {
  const newTask = (dtype: WeightDtype, inputBytes: number): RowsTask => {
    const rows = inputBytes / (inputs * weightElementBytes(dtype));
    const memory = quantizer.memory.take(inputBytes, int4Bytes(rows, inputs, scheme.blockSize));
    return { ...memory, inputBytes, dtype, rows, columns: inputs, scheme };
  };
  if (source.kind === 'rows' && source.select === undefined) {
    for (const block of rowBlocks(source, checkpoint, TASK_BYTES)) {
      throwIfAborted(signal);
      const task = newTask(block.dtype, block.byteLength);
      await readRowBlockInto(block, checkpoint, openTask(task).rows.bytes);
      yield task;
    }
    return;
  }
  for await (const bytes of streamTensor(source, { checkpoint, signal, dtype: 'float32' })) {
    const task = newTask('F32', bytes.byteLength);
    openTask(task).rows.bytes.set(bytes);
    yield task;
  }
}
