/** Positions are below this, ranks below 2^22: together they fill the 53 bits of a double. */
const POSITION_LIMIT = 2 ** 31;
const INITIAL_CAPACITY = 64;

/** Binary min-heap of (rank, position) pairs: lowest rank first, leftmost first among equals. */
export class MergeQueue {
  private keys: Float64Array = new Float64Array(INITIAL_CAPACITY);
  length = 0;

  push(rank: number, position: number): void {
    if (this.length === this.keys.length) this.grow();
    const { keys } = this;
    const key = keyOf(rank, position);
    let index = this.length++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const other = keys[parent]!;
      if (other <= key) break;
      keys[index] = other;
      index = parent;
    }
    keys[index] = key;
  }

  /** The smallest key, or infinity when the queue is empty. */
  peek(): number {
    return this.length === 0 ? Infinity : this.keys[0]!;
  }

  /** Takes the smallest key out; the queue must not be empty. */
  pop(): number {
    const { keys } = this;
    const top = keys[0]!;
    const last = keys[--this.length]!;
    const { length } = this;
    let index = 0;
    for (let child = 1; child < length; child = 2 * index + 1) {
      if (child + 1 < length && keys[child + 1]! < keys[child]!) child++;
      const other = keys[child]!;
      if (last <= other) break;
      keys[index] = other;
      index = child;
    }
    keys[index] = last;
    return top;
  }

  private grow(): void {
    const grown = new Float64Array(2 * this.keys.length);
    grown.set(this.keys);
    this.keys = grown;
  }
}

export function keyOf(rank: number, position: number): number {
  return rank * POSITION_LIMIT + position;
}

export function rankOfKey(key: number): number {
  return Math.floor(key / POSITION_LIMIT);
}

export function positionOfKey(key: number): number {
  return key % POSITION_LIMIT;
}
