import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { loadBenchmark, type LoadedBenchmark } from '../benchmarks/registry.js';
import { EvaluationError } from '../errors.js';
import { manifestFileOf, readRunManifest, type RunManifest } from '../manifest/run-manifest.js';
import { differencesOfData, listed } from '../manifest/same-run.js';

/** A benchmark that a run has answered. */
export interface RunBenchmark {
  readonly benchmark: LoadedBenchmark;
  /** The predictions file. */
  readonly predictions: string;
  /** Absent for predictions that another tool made. */
  readonly manifest?: RunManifest;
}

export interface OpenRunOptions {
  /** The one benchmark that is meant; needed for a file without manifest whose name is not that of its benchmark. */
  readonly benchmark?: string;
  /** The data, where the manifest's is not there or there is no manifest. */
  readonly data?: string;
}

const PREDICTIONS = '.jsonl';

/**
 * Opens what a run has left: a folder as `eval run --out` makes it, or one predictions file.
 *
 * @throws {EvaluationError} `RUN_FOLDER` when there is nothing to report, `MANIFEST_FORMAT`
 * @throws {DatasetError} when the data cannot be read
 */
export async function openRun(path: string, options: OpenRunOptions = {}): Promise<RunBenchmark[]> {
  const files = await predictionFiles(path);
  const wanted = options.benchmark?.toLowerCase();
  const runs: RunBenchmark[] = [];
  for (const file of files) {
    const manifest = await readRunManifest(manifestFileOf(file));
    const name =
      manifest?.benchmark ?? (files.length === 1 ? options.benchmark : undefined) ?? basename(file, PREDICTIONS);
    if (wanted !== undefined && wanted !== name.toLowerCase()) continue;
    const data = options.data ?? manifest?.data.file ?? undefined;
    runs.push({ benchmark: await loadBenchmark(name, data), predictions: file, ...(manifest && { manifest }) });
  }
  if (runs.length === 0) {
    throw new EvaluationError(
      'RUN_FOLDER',
      `Expected predictions for ${options.benchmark ?? 'a benchmark'} in ${path}.`,
      {
        hint: 'Name a folder that `pocketlens eval run --out` has written, or a predictions file.',
      },
    );
  }
  return runs;
}

/**
 * Refuses two runs that were not asked the same questions.
 *
 * @throws {EvaluationError} `RUNS_MISMATCH` naming what differs
 */
export function requireComparable(a: RunBenchmark, b: RunBenchmark): void {
  const [left, right] = [a.benchmark.benchmark.name, b.benchmark.benchmark.name];
  if (left !== right) {
    throw new EvaluationError('RUNS_MISMATCH', `Expected two runs of one benchmark, got ${left} and ${right}.`, {
      hint: 'Compare the runs of each benchmark for themselves.',
    });
  }
  if (!a.manifest || !b.manifest) return;
  const found = differencesOfData(a.manifest, b.manifest);
  if (found.length === 0) return;
  throw new EvaluationError('RUNS_MISMATCH', `Expected two runs on the same data: ${listed(found)}.`, {
    hint: 'Figures on other questions or pictures cannot be compared sample by sample.',
  });
}

async function predictionFiles(path: string): Promise<string[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new EvaluationError('RUN_FOLDER', `Expected the folder of a run, got ${path}, which is not there.`, {
      cause,
    });
  });
  if (info.isDirectory()) {
    const names = await readdir(path);
    return names
      .filter((name) => name.endsWith(PREDICTIONS))
      .sort()
      .map((name) => join(path, name));
  }
  if (path.endsWith('.manifest.json'))
    return [join(dirname(path), basename(path).replace('.manifest.json', PREDICTIONS))];
  return [path];
}
