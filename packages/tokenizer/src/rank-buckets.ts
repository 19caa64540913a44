const WORD_BITS = 5;
const NONE = 0;

/**
 * Positions by rank, lowest rank first. Putting one in and taking a whole rank out cost the same however many there
 * are, as long as ranks go up: nothing may be put in below or at the rank that was taken last.
 */
export class RankBuckets {
  /** The positions that `takeLowest` took, ascending, and how many they are. */
  taken: Int32Array = new Int32Array(0);
  takenCount = 0;
  /** First entry of each rank, counted from 1. */
  private readonly heads: Int32Array;
  /** One bit for each rank that has entries. */
  private readonly filled: Int32Array;
  private positions: Int32Array = new Int32Array(0);
  private links: Int32Array = new Int32Array(0);
  private free = NONE;
  private used = 0;
  private word = 0;

  constructor(rankCount: number) {
    this.heads = new Int32Array(rankCount);
    this.filled = new Int32Array((rankCount >> WORD_BITS) + 1);
  }

  /** Starts anew, empty, with room for `capacity` entries at a time. */
  start(capacity: number): void {
    if (this.positions.length < capacity) {
      this.positions = new Int32Array(capacity);
      this.links = new Int32Array(capacity + 1);
      this.taken = new Int32Array(capacity);
    }
    this.free = NONE;
    this.used = 0;
    this.word = 0;
  }

  put(rank: number, position: number): void {
    let entry = this.free;
    if (entry === NONE) entry = ++this.used;
    else this.free = this.links[entry]!;
    this.positions[entry - 1] = position;
    this.links[entry] = this.heads[rank]!;
    this.heads[rank] = entry;
    this.filled[rank >> WORD_BITS]! |= 1 << (rank & 31);
  }

  /** Takes out all positions of the lowest rank; returns the rank, or -1 when nothing is left. */
  takeLowest(): number {
    const { filled } = this;
    let { word } = this;
    while (word < filled.length && filled[word] === 0) word++;
    this.word = word;
    if (word === filled.length) return -1;
    const bits = filled[word]!;
    const rank = (word << WORD_BITS) + (31 - Math.clz32(bits & -bits));
    filled[word] = bits & (bits - 1);
    this.collect(rank);
    return rank;
  }

  private collect(rank: number): void {
    const { links, positions, taken } = this;
    let count = 0;
    let last = NONE;
    for (let entry = this.heads[rank]!; entry !== NONE; entry = links[entry]!) {
      taken[count++] = positions[entry - 1]!;
      last = entry;
    }
    links[last] = this.free;
    this.free = this.heads[rank]!;
    this.heads[rank] = NONE;
    this.takenCount = count;
    const all = taken.subarray(0, count);
    // Entries come last first; mostly they were put in from left to right.
    all.reverse();
    if (!isAscending(taken, count)) all.sort();
  }
}

function isAscending(values: Int32Array, count: number): boolean {
  for (let i = 1; i < count; i++) if (values[i - 1]! > values[i]!) return false;
  return true;
}
