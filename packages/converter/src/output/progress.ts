/** How fast work goes on and how long it still takes. */
export interface Pace {
  /** Over the last ten seconds; nothing before there is anything to measure. */
  readonly bytesPerSecond?: number;
  readonly secondsLeft?: number;
}

const WINDOW_MS = 10_000;
const MIN_SPAN_MS = 500;
/** Samples are kept this far apart, so that their number stays small. */
const SAMPLE_MS = 200;

/** Measures the pace of work from how much is done at which time. */
export class PaceMeter {
  readonly #now: () => number;
  #samples: { readonly time: number; readonly bytes: number }[] = [];

  /** @param now - a clock in milliseconds that only goes forward */
  constructor(now: () => number) {
    this.#now = now;
    this.#samples.push({ time: now(), bytes: 0 });
  }

  /**
   * @param bytes - written by this run so far
   * @param bytesLeft - still to be written
   */
  measure(bytes: number, bytesLeft: number): Pace {
    const time = this.#now();
    while (this.#samples.length > 1 && time - this.#samples[1]!.time >= WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    if (time - last.time >= SAMPLE_MS) this.#samples.push({ time, bytes });
    const span = time - first.time;
    if (span < MIN_SPAN_MS || bytes <= first.bytes) return {};
    const bytesPerSecond = ((bytes - first.bytes) / span) * 1000;
    return { bytesPerSecond, secondsLeft: bytesLeft / bytesPerSecond };
  }
}
