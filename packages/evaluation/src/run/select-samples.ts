import type { LoadedBenchmark } from '../benchmarks/registry.js';
import type { Sample } from '../data/sample.js';
import { createRandom } from '../statistics/random.js';

/** Which samples of a dataset are used. */
export interface Selection {
  /** Most samples; default all. */
  readonly limit?: number;
  /**
   * Draws the samples at random instead of taking the first ones, the same for the same seed and data. Samples that only
   * count together, such as the rotations of a question, are drawn together.
   */
  readonly sampleSeed?: number;
}

/** The samples that were chosen, in the order of the dataset. */
export interface SelectedSamples {
  readonly count: number;
  samples(): AsyncIterable<Sample>;
}

/** Applies a selection to a dataset. */
export async function selectSamples(benchmark: LoadedBenchmark, selection: Selection): Promise<SelectedSamples> {
  const { dataset } = benchmark;
  const limit = Math.min(dataset.count, selection.limit ?? Number.POSITIVE_INFINITY);
  if (limit === dataset.count) return dataset;
  if (selection.sampleSeed === undefined) {
    return { count: limit, samples: () => atPositions(dataset.samples(), (position) => position < limit, limit) };
  }
  const chosen = draw(await units(benchmark), limit, selection.sampleSeed);
  return {
    count: chosen.size,
    samples: () => atPositions(dataset.samples(), (position) => chosen.has(position), chosen.size),
  };
}

async function* atPositions(
  samples: AsyncIterable<Sample>,
  isChosen: (position: number) => boolean,
  count: number,
): AsyncGenerator<Sample, void, undefined> {
  if (count === 0) return;
  let position = 0;
  let taken = 0;
  for await (const sample of samples) {
    if (isChosen(position)) {
      yield sample;
      taken += 1;
      if (taken === count) return;
    }
    position += 1;
  }
}

/** Positions of the samples that are drawn together. */
async function units({ benchmark, dataset }: LoadedBenchmark): Promise<number[][]> {
  const cluster = benchmark.resampling?.cluster;
  if (cluster === undefined) return Array.from({ length: dataset.count }, (_, position) => [position]);
  const byCluster = new Map<string, number[]>();
  let position = 0;
  for await (const sample of dataset.samples()) {
    const key = cluster(sample);
    const positions = byCluster.get(key) ?? [];
    byCluster.set(key, positions);
    positions.push(position);
    position += 1;
  }
  return [...byCluster.values()];
}

/** Takes units in random order, passing over those that are too large for what is left. */
function draw(all: number[][], limit: number, seed: number): ReadonlySet<number> {
  const random = createRandom(seed);
  const chosen = new Set<number>();
  for (let at = 0; at < all.length && chosen.size < limit; at += 1) {
    const other = at + random.below(all.length - at);
    [all[at], all[other]] = [all[other]!, all[at]!];
    if (chosen.size + all[at]!.length > limit) continue;
    for (const position of all[at]!) chosen.add(position);
  }
  return chosen;
}
