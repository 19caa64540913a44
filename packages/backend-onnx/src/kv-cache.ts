import { Tensor } from 'onnxruntime-common';
import { CacheScales } from './cache-scales.js';

/** Room is added in steps: the engine touches the whole room in every step, so it should be little more than needed. */
const GROWTH_POSITIONS = 256;

export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** How keys and values are stored: exact, or in a quarter of the memory. */
export type KvCacheType = 'float32' | 'int8';

export type KvArray = Float32Array | Int8Array;

/**
 * Keys and values of a sequence, one pair of `[1, kvHeads, room, headDim]` arrays per layer. The engine reads
 * them in place and hands out the new rows only; they are written here, so that no step copies the cache.
 */
export class KvCache {
  readonly type: KvCacheType;
  readonly #shape: KvShape;
  readonly #capacity: number;
  readonly #scales: CacheScales | undefined;
  #arrays: readonly KvArray[];
  #inputs: Readonly<Record<string, Tensor>>;
  #room: number;

  constructor(shape: KvShape, capacity: number, type: KvCacheType = 'float32', scales?: CacheScales) {
    this.type = type;
    this.#shape = shape;
    this.#capacity = capacity;
    this.#scales = type === 'int8' ? (scales ?? new CacheScales(shape)) : undefined;
    this.#room = Math.min(GROWTH_POSITIONS, capacity);
    this.#arrays = tensorNames(shape, 'past').map(() => this.#allocate());
    this.#inputs = this.#wrap();
  }

  /** Graph inputs over the arrays themselves; valid until `reserve` grows them. */
  get inputs(): Readonly<Record<string, Tensor>> {
    return this.#inputs;
  }

  /** Makes room for `length` positions and keeps the first `used`. */
  reserve(length: number, used: number): void {
    if (length <= this.#room) return;
    const oldRoom = this.#room;
    this.#room = Math.min(Math.ceil(length / GROWTH_POSITIONS) * GROWTH_POSITIONS, this.#capacity);
    this.#arrays = this.#arrays.map((old) => {
      const grown = this.#allocate();
      this.#copyRows(old, { room: oldRoom, count: used }, grown, 0);
      return grown;
    });
    this.#inputs = this.#wrap();
  }

  /** Writes `count` new rows `[1, kvHeads, count, headDim]` of tensor `index` (key, value, key, ...) at `position`. */
  write(index: number, rows: KvArray, position: number, count: number): void {
    this.#copyRows(rows, { room: count, count }, this.#arrays[index]!, position);
  }

  /**
   * Makes the scales of an int8 cache wide enough for new rows of tensor `index`, and rounds its first `used` rows
   * again where they changed.
   *
   * @returns true when scales changed: rows that were made with the old ones must be made again
   */
  widen(index: number, range: Float32Array, used: number): boolean {
    const ratios = this.#scales?.widen(index, range);
    if (ratios === undefined) return false;
    const { kvHeads, headDim } = this.#shape;
    const array = this.#arrays[index]!;
    for (let head = 0; head < kvHeads; head++) {
      const begin = head * this.#room * headDim;
      for (let i = 0; i < used * headDim; i++) {
        array[begin + i] = Math.round(array[begin + i]! * ratios[head * headDim + (i % headDim)]!);
      }
    }
    return true;
  }

  /** A copy with the first `used` positions. */
  fork(used: number): KvCache {
    const copy = new KvCache(this.#shape, this.#capacity, this.type, this.#scales?.copy());
    copy.reserve(this.#room, 0);
    this.#arrays.forEach((array, index) => {
      this.#copyRows(array, { room: this.#room, count: used }, copy.#arrays[index]!, 0);
    });
    return copy;
  }

  #copyRows(
    source: KvArray,
    { room, count }: { readonly room: number; readonly count: number },
    target: KvArray,
    position: number,
  ): void {
    const { kvHeads, headDim } = this.#shape;
    const targetRoom = target.length / (kvHeads * headDim);
    for (let head = 0; head < kvHeads; head++) {
      const begin = head * room * headDim;
      target.set(source.subarray(begin, begin + count * headDim), (head * targetRoom + position) * headDim);
    }
  }

  #allocate(): KvArray {
    const length = this.#shape.kvHeads * this.#room * this.#shape.headDim;
    return this.type === 'int8' ? new Int8Array(length) : new Float32Array(length);
  }

  #wrap(): Readonly<Record<string, Tensor>> {
    const dims = [1, this.#shape.kvHeads, this.#room, this.#shape.headDim];
    const names = tensorNames(this.#shape, 'past');
    const wrapped = names.map((name, index) => [name, tensorOf(this.#arrays[index]!, dims)] as const);
    return { ...Object.fromEntries(wrapped), ...this.#scales?.inputs };
  }
}

function tensorOf(array: KvArray, dims: readonly number[]): Tensor {
  return array instanceof Int8Array ? new Tensor('int8', array, dims) : new Tensor('float32', array, dims);
}

/** Names of the cache tensors of a graph, in the order key, value, layer by layer. */
export function tensorNames({ layers }: KvShape, prefix: 'past' | 'new'): readonly string[] {
  return Array.from({ length: layers }, (_, i) => [`${prefix}.${i}.key`, `${prefix}.${i}.value`]).flat();
}
