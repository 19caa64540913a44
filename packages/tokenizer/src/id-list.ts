const INITIAL_CAPACITY = 1024;
/** A list that grew beyond this is not kept for the next text. */
const MAX_KEPT_CAPACITY: number = 2 ** 20;

/** A growing list of token ids. */
export class IdList {
  private ids: Uint32Array = new Uint32Array(INITIAL_CAPACITY);
  length = 0;

  push(id: number): void {
    if (this.length === this.ids.length) this.grow();
    this.ids[this.length++] = id;
  }

  /** Takes the last id out; the list must not be empty. */
  pop(): number {
    return this.ids[--this.length]!;
  }

  at(index: number): number {
    return this.ids[index]!;
  }

  /** Empties the list, and gives a very long one's memory back. */
  clear(): void {
    this.length = 0;
    if (this.ids.length > MAX_KEPT_CAPACITY) this.ids = new Uint32Array(INITIAL_CAPACITY);
  }

  toArray(): number[] {
    const { ids, length } = this;
    const array: number[] = [];
    for (let i = 0; i < length; i++) array.push(ids[i]!);
    return array;
  }

  /** A copy of exactly this length. */
  toUint32Array(): Uint32Array {
    return this.ids.slice(0, this.length);
  }

  private grow(): void {
    const grown = new Uint32Array(2 * this.ids.length);
    grown.set(this.ids);
    this.ids = grown;
  }
}
