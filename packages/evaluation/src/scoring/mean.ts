/** The arithmetic mean; NaN of nothing, as the established tools report it. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** A running mean, for aggregates over more samples than should be held. */
export class RunningMean {
  #sum = 0;
  #count = 0;

  add(value: number): void {
    this.#sum += value;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** NaN before the first value. */
  get value(): number {
    return this.#sum / this.#count;
  }
}
