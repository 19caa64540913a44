import { throwIfAborted } from '@pocketlens/backend';

/** How long a comparison may take. */
export interface ComparisonLimits {
  readonly leastRounds: number;
  readonly mostRounds: number;
  /** No round beyond the least begins after this time. */
  readonly budgetMs: number;
  readonly now: () => number;
}

const LIMITS: ComparisonLimits = { leastRounds: 5, mostRounds: 15, budgetMs: 300, now: () => performance.now() };

/** How long something takes against something else, measured in rounds. */
export interface Comparison {
  /** Median of the ratios of the rounds. */
  readonly ratio: number;
  /** The share of the rounds in which it was faster. */
  readonly wins: number;
}

/**
 * Measures pieces of work in turn, each once a round, and compares within the rounds, so that whatever else the machine
 * does meets all of them. One round before only warms up.
 *
 * @returns each against the first
 * @throws {AbortError} `ABORTED`, between two pieces
 */
export async function compare(
  works: readonly (() => Promise<void>)[],
  signal: AbortSignal | undefined,
  limits: ComparisonLimits = LIMITS,
): Promise<readonly Comparison[]> {
  const { leastRounds, mostRounds, budgetMs, now } = limits;
  const ratios = works.map((): number[] => []);
  const start = now();
  for (let round = -1; round < mostRounds; round++) {
    if (round >= leastRounds && now() - start >= budgetMs) break;
    const times: number[] = [];
    for (const work of works) {
      throwIfAborted(signal);
      const begin = now();
      await work();
      times.push(now() - begin);
    }
    if (round >= 0) times.forEach((ms, index) => ratios[index]?.push(ms / times[0]!));
  }
  return ratios.map((values) => ({
    ratio: median(values),
    wins: values.filter((value) => value < 1).length / values.length,
  }));
}

/** The middle value, or the mean of the two middle ones. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
