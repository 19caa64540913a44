import { DatasetError, UnknownBenchmarkError } from '../errors.js';
import type { Dataset } from '../data/sample.js';
import type { Benchmark } from './benchmark.js';
import { llavaBench } from './llavabench.js';
import { mathVista } from './mathvista.js';
import { mmBenches } from './mmbench.js';
import { mmmu } from './mmmu.js';
import { mmVet } from './mmvet.js';
import { ai2d, ai2dNoMask, mmStar, realWorldQa, scienceQa, scienceQaVal, seedBench } from './multiple-choice.js';
import { objectHalBench } from './object-halbench.js';
import { ocrBench } from './ocrbench.js';
import { pocketRead, reading } from './reading.js';
import { chartQa, docVqa, infoVqa, textVqa } from './short-answers.js';
import { hallusionBench, mme, pope } from './yes-no.js';

/** Every benchmark, in the order of the published table. */
export const benchmarks: readonly Benchmark[] = [
  pocketRead,
  reading,
  ocrBench,
  textVqa,
  docVqa,
  infoVqa,
  chartQa,
  mme,
  ...mmBenches,
  mmmu,
  mathVista,
  llavaBench,
  mmVet,
  realWorldQa,
  ai2d,
  ai2dNoMask,
  mmStar,
  seedBench,
  scienceQa,
  scienceQaVal,
  pope,
  hallusionBench,
  objectHalBench,
];

/** A benchmark together with its data. */
export interface LoadedBenchmark {
  readonly benchmark: Benchmark;
  readonly dataset: Dataset;
}

/**
 * Finds a benchmark by the name of its dataset; upper and lower case do not matter.
 *
 * @throws {UnknownBenchmarkError} `BENCHMARK_UNKNOWN`; the message lists the names there are
 */
export function findBenchmark(name: string): Benchmark {
  const wanted = name.toLowerCase();
  const found = benchmarks.find((benchmark) => benchmark.name.toLowerCase() === wanted);
  if (!found)
    throw new UnknownBenchmarkError(
      name,
      benchmarks.map((benchmark) => benchmark.name),
    );
  return found;
}

/**
 * Opens the data of a benchmark. Rows are read when they are needed, never all at once.
 *
 * @param name - name of the benchmark, for example `OCRBench`
 * @param file - the dataset's TSV file; for `Reading` the folder with `answers.jsonl`; `PocketRead` needs none
 * @throws {UnknownBenchmarkError} for a name that is not in `benchmarks`
 * @throws {DatasetError} when the data cannot be read
 */
export async function loadBenchmark(name: string, file?: string): Promise<LoadedBenchmark> {
  const benchmark = findBenchmark(name);
  const data = file ?? benchmark.bundledData;
  if (data === undefined) {
    throw new DatasetError('DATASET_FORMAT', `Expected a data file for ${benchmark.name}, got none.`, {
      hint: `The data of ${benchmark.name} does not come with this package; give the path of its file.`,
    });
  }
  return { benchmark, dataset: await benchmark.open(data) };
}
