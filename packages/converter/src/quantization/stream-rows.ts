import { throwIfAborted } from '../errors.js';
import { weightElementBytes, type WeightDtype } from '../tensors/float.js';
import { readRowBlockInto, rowBlocks } from '../tensors/row-blocks.js';
import { streamTensor, type StreamOptions } from '../tensors/stream.js';
import { quantizedBytes } from './rows.js';
import type { QuantizationScheme } from './scheme.js';
import type { QuantizedTensor } from './tensor.js';
import { InlineQuantizer, type RowsQuantizer } from './worker/quantizer.js';
import { inputOf, type RowsTask } from './worker/task.js';

/** Bytes of the checkpoint in a task: few enough that threads end together, enough to make messages cheap. */
const TASK_BYTES = 2 * 1024 * 1024;
/** Weights from which on other threads are asked: smaller tensors are done before a thread has started. */
const MIN_SHARED_WEIGHTS = 2 * 1024 * 1024;

export interface StreamRowsOptions extends Pick<StreamOptions, 'checkpoint' | 'signal'> {
  /** Threads for large tensors; default: the calling thread. */
  readonly quantizer?: RowsQuantizer | undefined;
}

/**
 * Quantises a matrix while it is read: some rows are read while others are quantised, and come out as finished tasks in
 * their order. What is yielded is valid until the next is asked for.
 */
export async function* streamRows<Scheme extends QuantizationScheme>(
  tensor: QuantizedTensor,
  scheme: Scheme,
  options: StreamRowsOptions,
): AsyncGenerator<RowsTask<Scheme>> {
  const isLarge = tensor.outputs * tensor.inputs >= MIN_SHARED_WEIGHTS;
  const quantizer = (isLarge ? options.quantizer : undefined) ?? new InlineQuantizer();
  const started: { readonly task: RowsTask<Scheme>; readonly work: Promise<void> }[] = [];
  const takeOldest = async function* (): AsyncGenerator<RowsTask<Scheme>> {
    const { task, work } = started[0]!;
    await work;
    started.shift();
    yield task;
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
async function* readTasks<Scheme extends QuantizationScheme>(
  { source, inputs }: QuantizedTensor,
  scheme: Scheme,
  { checkpoint, signal, quantizer }: StreamRowsOptions & { readonly quantizer: RowsQuantizer },
): AsyncGenerator<RowsTask<Scheme>> {
  const newTask = (dtype: WeightDtype, inputBytes: number): RowsTask<Scheme> => {
    const rows = inputBytes / (inputs * weightElementBytes(dtype));
    const memory = quantizer.memory.take(inputBytes, quantizedBytes(rows, inputs, scheme));
    return { ...memory, inputBytes, dtype, rows, columns: inputs, scheme };
  };
  if (source.kind === 'rows' && source.select === undefined) {
    for (const block of rowBlocks(source, checkpoint, TASK_BYTES)) {
      throwIfAborted(signal);
      const task = newTask(block.dtype, block.byteLength);
      await readRowBlockInto(block, checkpoint, inputOf(task).bytes);
      yield task;
    }
    return;
  }
  for await (const bytes of streamTensor(source, { checkpoint, signal, dtype: 'float32' })) {
    const task = newTask('F32', bytes.byteLength);
    inputOf(task).bytes.set(bytes);
    yield task;
  }
}
