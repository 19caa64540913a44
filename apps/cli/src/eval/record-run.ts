import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import {
  createRunManifest,
  dataDigest,
  differencesOfVersions,
  type LoadedBenchmark,
  manifestFileOf,
  readRunManifest,
  requireSameAnswers,
  type RunManifest,
  writeRunManifest,
} from '@pocketlens/evaluation';
import { CliError } from '../errors.js';
import type { CliIo } from '../io.js';
import { describeModel, describeServed, type NamedModel } from './describe-model.js';

/** What a run is started with. */
export interface RecordedOptions extends NamedModel {
  readonly data?: string;
  readonly limit?: number;
  readonly seed?: number;
  /** Manifest of the run that this one repeats. */
  readonly repeat?: string;
}

type Settings = RunManifest['settings'];

/** A run as its options and, with `--repeat`, an earlier run's manifest describe it. */
export interface PlannedRun<Options> {
  readonly name: string;
  readonly options: Options;
  readonly settings: Pick<Settings, 'promptStyle' | 'generation'>;
  readonly repeated?: RunManifest;
}

const OWN_SETTINGS: PlannedRun<never>['settings'] = { promptStyle: 'minicpm', generation: {} };

/**
 * Takes benchmark, data, model and settings from the manifest that `--repeat` names. What the command line gives as well,
 * as the place of the same model on another machine, comes before it.
 */
export async function planRun<Options extends RecordedOptions>(
  name: string | undefined,
  options: Options,
  defaults: Readonly<Record<string, unknown>>,
): Promise<PlannedRun<Options>> {
  if (options.repeat === undefined) {
    if (name === undefined) throw new CliError('USAGE', 'Expected the name of a benchmark, or --repeat MANIFEST');
    return { name, options, settings: OWN_SETTINGS };
  }
  const repeated = await readRunManifest(options.repeat);
  if (!repeated) throw new CliError('FILE_NOT_FOUND', `${options.repeat}: no such manifest`);
  const { model, data, settings } = repeated;
  const remembered: Record<string, unknown> = { ...model.options, provider: model.provider };
  if (model.provider !== 'openai') remembered['model'] = model.location;
  else Object.assign(remembered, { model: model.name, baseUrl: model.location });
  if (data.file !== null) remembered['data'] = data.file;
  if (settings.limit !== null) remembered['limit'] = settings.limit;
  if (settings.seed !== null) remembered['seed'] = settings.seed;
  const given = Object.entries(options).filter(([key, value]) => value !== defaults[key]);
  return {
    name: name ?? repeated.benchmark,
    options: { ...options, ...remembered, ...Object.fromEntries(given) },
    settings: { promptStyle: settings.promptStyle, generation: settings.generation },
    repeated,
  };
}

/**
 * Writes the manifest of a run beside its predictions before the first question. A folder that holds another run, or a
 * repetition that would not be one, is refused.
 *
 * @returns the manifest that is written; of a run that goes on, with its first start
 */
export async function recordRun(
  benchmark: LoadedBenchmark,
  plan: PlannedRun<RecordedOptions>,
  output: string,
  io: CliIo,
): Promise<RunManifest> {
  const file = manifestFileOf(output);
  const manifest = await describeRun(benchmark, plan, io);
  if (plan.repeated) {
    requireSameAnswers(plan.repeated, manifest, 'A repetition needs the same data, model and settings.');
    for (const { field, expected, actual } of differencesOfVersions(plan.repeated, manifest)) {
      io.stderr.write(`note: ${field} was ${expected}, is ${actual}\n`);
    }
  }
  const earlier = await readRunManifest(file);
  if (earlier) requireSameAnswers(earlier, manifest, `Name another --out, or remove ${path.dirname(output)}.`);
  const recorded = earlier ? { ...manifest, startedAt: earlier.startedAt } : manifest;
  await writeRunManifest(file, recorded);
  return recorded;
}

async function describeRun(
  { benchmark, dataset }: LoadedBenchmark,
  { options, settings }: PlannedRun<RecordedOptions>,
  io: CliIo,
): Promise<RunManifest> {
  const served = await describeServed(options, io);
  return createRunManifest({
    benchmark: benchmark.name,
    data: {
      file: options.data === undefined ? null : path.resolve(options.data),
      samples: dataset.count,
      sha256: await dataDigest(dataset, io.signal),
    },
    model: { ...(await describeModel(options)), ...(served && { served }) },
    settings: { ...settings, limit: options.limit ?? null, seed: options.seed ?? null },
    versions: versions(),
    startedAt: new Date().toISOString(),
  });
}

const PARTS = ['@pocketlens/evaluation', '@pocketlens/runtime', 'onnxruntime-node', 'sharp'];

function versions(): Record<string, string> {
  const found: Record<string, string> = {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
  for (const name of PARTS) {
    const version = versionOf(name);
    if (version !== undefined) found[name] = version;
  }
  return found;
}

function versionOf(name: string): string | undefined {
  // An engine is a dependency of its adapter, not of this command.
  const here = createRequire(import.meta.url);
  const adapter = here.resolve('@pocketlens/backend-onnxruntime-node/package.json');
  for (const from of [import.meta.url, adapter]) {
    try {
      return (createRequire(from)(`${name}/package.json`) as { version: string }).version;
    } catch {
      // Looked for in the next place.
    }
  }
  return undefined;
}
