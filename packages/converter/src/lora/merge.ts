import { Checkpoint, type CheckpointTensor, type TensorReader } from '../safetensors/checkpoint.js';
import type { SafetensorsFile } from '../safetensors/file.js';
import type { TensorLocation } from '../safetensors/header.js';
import { convertWeights, isWeightDtype, weightElementBytes } from '../tensors/float.js';
import type { Adapter, LowRankUpdate } from './adapter.js';

/** The two factors of an update in memory: delta[row, column] = sum over k of left[row, k] * right[k, column]. */
interface Factors {
  readonly left: Float32Array;
  readonly right: Float32Array;
}

/**
 * A checkpoint with an adapter merged into it: W + scale * B A in float32, computed when rows are read. One update's
 * factors are in memory at a time.
 *
 * @source Hu et al. 2021, "LoRA", section 4.1; PEFT `tuners/lora/layer.py` (`get_delta_weight`)
 */
export function mergeAdapter(checkpoint: Checkpoint, adapter: Adapter): Checkpoint {
  const tensors = new Map<string, CheckpointTensor>(checkpoint.tensors);
  for (const [name, change] of adapter.changes) {
    const base = checkpoint.tensor(name);
    const stored = change.kind === 'replacement' ? change.tensor : float32Of(base);
    tensors.set(name, { ...base, dtype: stored.dtype, byteLength: stored.byteLength });
  }
  const { directory, shards } = checkpoint;
  return new Checkpoint({ directory, shards, tensors, reader: mergingReader(checkpoint, adapter) });
}

function float32Of({ shape }: TensorLocation): Pick<TensorLocation, 'dtype' | 'byteLength'> {
  return { dtype: 'F32', byteLength: shape.reduce((product, size) => product * size, 4) };
}

function mergingReader(checkpoint: Checkpoint, { file, changes }: Adapter): TensorReader {
  let loaded: { readonly name: string; readonly factors: Factors } | undefined;
  const factorsOf = async (name: string, update: LowRankUpdate): Promise<Factors> => {
    if (loaded?.name !== name) {
      loaded = undefined;
      loaded = { name, factors: await loadFactors(file, update) };
    }
    return loaded.factors;
  };
  return {
    async read(tensor, offset, byteLength) {
      const change = changes.get(tensor.name);
      const base = checkpoint.tensor(tensor.name);
      if (change === undefined) return await checkpoint.read(base, offset, byteLength);
      if (change.kind === 'replacement') return await file.read(change.tensor, offset, byteLength);
      const values = await readFloats(checkpoint, base, offset / 4, byteLength / 4);
      const [, ...rest] = base.shape;
      const columns = rest.reduce((product, size) => product * size, 1);
      addUpdate(values, offset / 4, columns, { ...change, ...(await factorsOf(tensor.name, change)) });
      return new Uint8Array(values.buffer);
    },
    async close() {
      await file.close();
      await checkpoint.close();
    },
  };
}

/** Elements of a base tensor as float32, in a buffer of their own. */
async function readFloats(
  checkpoint: Checkpoint,
  tensor: CheckpointTensor,
  first: number,
  count: number,
): Promise<Float32Array<ArrayBuffer>> {
  if (!isWeightDtype(tensor.dtype)) return new Float32Array(count);
  const size = weightElementBytes(tensor.dtype);
  const bytes = await checkpoint.read(tensor, first * size, count * size);
  return asFloats(bytes, tensor);
}

async function loadFactors(file: SafetensorsFile, { a, b, isEmbedding }: LowRankUpdate): Promise<Factors> {
  const read = async (tensor: TensorLocation): Promise<Float32Array<ArrayBuffer>> =>
    asFloats(await file.read(tensor, 0, tensor.byteLength), tensor);
  if (!isEmbedding) return { left: await read(b), right: await read(a) };
  // An embedding's update is (B A) transposed: its rows are the columns of A.
  return { left: transpose(await read(a), a.shape[0] ?? 0), right: transpose(await read(b), b.shape[0] ?? 0) };
}

function asFloats(bytes: Uint8Array<ArrayBuffer>, { dtype, name }: TensorLocation): Float32Array<ArrayBuffer> {
  if (!isWeightDtype(dtype)) return new Float32Array(0);
  const bits = convertWeights(bytes, dtype, 'float32', name);
  return new Float32Array(bits.buffer, bits.byteOffset, bits.length);
}

function transpose(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column]!;
  }
  return turned;
}

/** Adds an update to a run of elements that may begin and end inside a row. */
function addUpdate(values: Float32Array, first: number, columns: number, update: Factors & LowRankUpdate): void {
  const delta = new Float32Array(columns);
  for (let done = 0; done < values.length;) {
    const row = Math.floor((first + done) / columns);
    const from = first + done - row * columns;
    const to = Math.min(columns, from + values.length - done);
    multiplyRow(delta, from, to, { ...update, row, columns });
    for (let column = from; column < to; column++) {
      const place = done + column - from;
      values[place] = values[place]! + Math.fround(update.scale * delta[column]!);
    }
    done += to - from;
  }
}

/** delta = row of `left` times `right`: four terms at a time, their sum in double precision. */
function multiplyRow(
  delta: Float32Array,
  from: number,
  to: number,
  { left, right, rank, row, columns }: Factors & { rank: number; row: number; columns: number },
): void {
  delta.fill(0, from, to);
  for (let k = 0; k < rank; k += 4) {
    const factor = (index: number): number => (index < rank ? left[row * rank + index]! : 0);
    const [l0, l1, l2, l3] = [factor(k), factor(k + 1), factor(k + 2), factor(k + 3)];
    const start = (index: number): number => Math.min(index, rank - 1) * columns;
    const [r0, r1, r2, r3] = [start(k), start(k + 1), start(k + 2), start(k + 3)];
    for (let column = from; column < to; column++) {
      delta[column] =
        delta[column]! +
        (l0 * right[r0 + column]! + l1 * right[r1 + column]! + (l2 * right[r2 + column]! + l3 * right[r3 + column]!));
    }
  }
}
