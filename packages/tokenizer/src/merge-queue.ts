/** Positions are below this, ranks below 2^22: together they fill the 53 bits of a double. */
const POSITION_LIMIT = 2 ** 31;

/** Binary min-heap of (rank, position) pairs: lowest rank first, leftmost first among equals. */
export class MergeQueue {
  private readonly keys: Float64Array;
  private length = 0;

  constructor(capacity: number) {
    this.keys = new Float64Array(capacity);
  }

  push(rank: number, position: number): void {
    const { keys } = this;
    const key = rank * POSITION_LIMIT + position;
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

  /** The smallest key, or -1 when the queue is empty. */
  pop(): number {
    if (this.length === 0) return -1;
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
}

export function rankOfKey(key: number): number {
  return Math.floor(key / POSITION_LIMIT);
}

export function positionOfKey(key: number): number {
  return key % POSITION_LIMIT;
}
