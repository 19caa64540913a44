import { Tensor } from 'onnxruntime-common';

/** Room is added in steps: the engine touches the whole room in every step, so it should be little more than needed. */
const GROWTH_POSITIONS = 256;

export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * Keys and values of a sequence, one pair of `[1, kvHeads, room, headDim]` arrays per layer. The engine reads
 * them in place and hands out the new rows only; they are written here, so that no step copies the cache.
 */
export class KvCache {
  readonly #shape: KvShape;
  readonly #capacity: number;
  #arrays: readonly Float32Array[];
  #inputs: Readonly<Record<string, Tensor>>;
  #room: number;

  constructor(shape: KvShape, capacity: number) {
    this.#shape = shape;
    this.#capacity = capacity;
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
  write(index: number, rows: Float32Array, position: number, count: number): void {
    this.#copyRows(rows, { room: count, count }, this.#arrays[index]!, position);
  }

  /** A copy with the first `used` positions. */
  fork(used: number): KvCache {
    const copy = new KvCache(this.#shape, this.#capacity);
    copy.reserve(this.#room, 0);
    this.#arrays.forEach((array, index) => {
      this.#copyRows(array, { room: this.#room, count: used }, copy.#arrays[index]!, 0);
    });
    return copy;
  }

  #copyRows(
    source: Float32Array,
    { room, count }: { readonly room: number; readonly count: number },
    target: Float32Array,
    position: number,
  ): void {
    const { kvHeads, headDim } = this.#shape;
    const targetRoom = target.length / (kvHeads * headDim);
    for (let head = 0; head < kvHeads; head++) {
      const begin = head * room * headDim;
      target.set(source.subarray(begin, begin + count * headDim), (head * targetRoom + position) * headDim);
    }
  }

  #allocate(): Float32Array {
    return new Float32Array(this.#shape.kvHeads * this.#room * this.#shape.headDim);
  }

  #wrap(): Readonly<Record<string, Tensor>> {
    const dims = [1, this.#shape.kvHeads, this.#room, this.#shape.headDim];
    const names = tensorNames(this.#shape, 'past');
    return Object.fromEntries(names.map((name, index) => [name, new Tensor('float32', this.#arrays[index]!, dims)]));
  }
}

/** Names of the cache tensors of a graph, in the order key, value, layer by layer. */
export function tensorNames({ layers }: KvShape, prefix: 'past' | 'new'): readonly string[] {
  return Array.from({ length: layers }, (_, i) => [`${prefix}.${i}.key`, `${prefix}.${i}.value`]).flat();
}
