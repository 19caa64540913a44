import type { Resampling } from '../benchmarks/benchmark.js';
import type { DatasetRow } from '../data/sample.js';
import type { Random } from './random.js';

/** Rows that are drawn together. */
export type Cluster<Row> = readonly Row[];

/** Clusters by stratum: resampling draws as many of each stratum as there are. */
export type Strata<Row> = readonly (readonly Cluster<Row>[])[];

/** Puts rows into the clusters and strata that a benchmark declares. */
export function stratify<Row extends { readonly row: DatasetRow }>(
  rows: readonly Row[],
  resampling: Resampling = {},
): Strata<Row> {
  const strata = new Map<string, Map<string, Row[]>>();
  for (const scored of rows) {
    const name = resampling.stratum?.(scored.row) ?? '';
    const stratum = strata.get(name) ?? new Map<string, Row[]>();
    strata.set(name, stratum);
    const key = resampling.cluster?.(scored.row) ?? defaultCluster(scored.row);
    const cluster = stratum.get(key);
    if (cluster) cluster.push(scored);
    else stratum.set(key, [scored]);
  }
  return [...strata.values()].map((stratum) => [...stratum.values()]);
}

/** How many clusters there are: the size of the sample as statistics see it. */
export function countClusters<Row>(strata: Strata<Row>): number {
  return strata.reduce((sum, clusters) => sum + clusters.length, 0);
}

/**
 * Draws clusters with replacement, as many of each stratum as it has. They come in the order of the data, those that were drawn
 * often several times: a hundred thousand rows in random order are not in the processor's cache.
 */
export function* resample<Row>(strata: Strata<Row>, random: Random): Generator<Cluster<Row>, void, undefined> {
  for (const clusters of strata) {
    const times = new Uint32Array(clusters.length);
    for (let drawn = 0; drawn < clusters.length; drawn += 1) times[random.below(clusters.length)]! += 1;
    for (const [at, cluster] of clusters.entries()) {
      for (let drawn = 0; drawn < times[at]!; drawn += 1) yield cluster;
    }
  }
}

// Questions about one picture stand and fall together more often than others.
function defaultCluster({ index, cells }: DatasetRow): string {
  const path = cells['image_path'];
  return typeof path === 'string' ? `path ${path}` : `index ${index}`;
}
