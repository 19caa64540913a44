import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { BackendError, throwIfAborted } from '@pocketlens/backend';
import type { LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { chooseParts, readManifest, USUAL_POSITIONS } from '@pocketlens/backend-onnx';
import type { Manifest, ModelPart } from '@pocketlens/backend-onnx';
import { DirectorySource } from '@pocketlens/backend-onnx/node';
import { processorFacts } from '../prepacked/cache-key.js';
import { importRuntime } from '../runtime.js';
import type { OnnxRuntime } from '../runtime.js';
import { sampleGraph } from './decoder-sample.js';
import type { SampleGraph } from './decoder-sample.js';
import { tune } from './tune.js';
import { TuningCache } from './tuning-cache.js';
import type { FixedSettings, Tuning, TuningStep } from './tuning.js';

/** The form of the entries and the way of measuring; a change makes old ones unused. */
const TUNING_VERSION = 1;

/** The model and its settings as they will be loaded: what is given here is kept, and the rest is chosen. */
export interface FindTuningOptions extends Pick<
  LoadModelOptions,
  'dtype' | 'prefillDtype' | 'kvCache' | 'threads' | 'prefillChunk'
> {
  readonly spinning?: boolean;
  /** Where choices are kept; default: the usual cache directory. */
  readonly cacheDirectory?: string;
}

export interface TuneOptions extends FindTuningOptions {
  readonly signal?: AbortSignal;
  /** Called after each measured setting. */
  readonly onStep?: (step: TuningStep) => void;
}

export interface TuneResult extends Tuning {
  /** Whether later loads find the choice; false where the cache directory cannot be written. */
  readonly isStored: boolean;
}

/**
 * Measures which number of threads, way of waiting and length of a prompt's passes suit a model on this machine, and
 * keeps the choice for later loads, in place of an older one. It takes a few seconds, in the thread that calls.
 *
 * @throws {ModelFormatError} for missing, cut or foreign files, and for a dtype that the model does not hold
 * @throws {BackendError} `BACKEND_MISSING`, `BACKEND_UNSUPPORTED` for a source that is no folder
 * @throws {AbortError} `ABORTED`
 */
export async function tuneModel(source: string | ModelSource, options: TuneOptions = {}): Promise<TuneResult> {
  const model = await openTunable(source, options);
  const tuning = await measure(model, options);
  return { ...tuning, isStored: model.key !== undefined && (await model.cache.store(model.key, tuning)) };
}

/**
 * The choice that was made for a model with these settings on this machine; undefined where there is none.
 *
 * @throws {ModelFormatError} when the manifest of the model is missing or wrong, and for a dtype that the model does not hold
 * @throws {BackendError} `BACKEND_MISSING`
 */
export async function findTuning(
  source: string | ModelSource,
  options: FindTuningOptions = {},
): Promise<Tuning | undefined> {
  const { cache, key } = await openTunable(source, options);
  return key === undefined ? undefined : cache.find(key);
}

/** The stored choice or, where there is none and `mayMeasure` is true, a new one. */
export async function findOrTune(
  source: ModelSource,
  options: TuneOptions,
  mayMeasure: boolean,
): Promise<Tuning | undefined> {
  const model = await openTunable(source, options);
  // Without a key the choice would be made again and again.
  if (model.key === undefined) return undefined;
  const found = await model.cache.find(model.key);
  if (found !== undefined || !mayMeasure) return found;
  const tuning = await measure(model, options);
  await model.cache.store(model.key, tuning);
  return tuning;
}

interface Tunable {
  readonly runtime: OnnxRuntime;
  readonly source: ModelSource;
  readonly manifest: Manifest;
  readonly decoder: ModelPart;
  readonly prefillDecoder: ModelPart | undefined;
  readonly fixed: FixedSettings;
  readonly cache: TuningCache;
  /** Absent where the manifest does not list a file of the decoders: it could change unseen. */
  readonly key: string | undefined;
}

async function openTunable(source: string | ModelSource, options: FindTuningOptions): Promise<Tunable> {
  const files = typeof source === 'string' ? new DirectorySource(source) : source;
  const runtime = await importRuntime();
  const manifest = await readManifest(files);
  const { decoder, prefillDecoder } = chooseParts(manifest, options);
  const { threads, spinning, prefillChunk, kvCache, cacheDirectory } = options;
  // The numbers of an int8 cache depend on the passes, so that these stay as they are.
  const usualChunk = kvCache === 'int8' ? USUAL_POSITIONS : undefined;
  const fixed: FixedSettings = { threads, spinning, prefillChunk: prefillChunk ?? usualChunk };
  const decoders = prefillDecoder === undefined ? [decoder] : [decoder, prefillDecoder];
  const hashes = fileHashes(manifest, decoders);
  const cache = new TuningCache(cacheDirectory);
  const model = { runtime, source: files, manifest, decoder, prefillDecoder, fixed, cache };
  if (hashes === undefined) return { ...model, key: undefined };
  const { versions } = runtime.env;
  const facts = [
    TUNING_VERSION,
    hashes,
    versions.node ?? versions.common,
    await processorFacts(),
    availableParallelism(),
    [threads ?? null, spinning ?? null, prefillChunk ?? null, kvCache ?? null],
  ];
  return { ...model, key: createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 40) };
}

/** Hashes of the graphs and their weights; undefined when one is not known. */
function fileHashes({ files }: Manifest, parts: readonly ModelPart[]): readonly string[] | undefined {
  const known = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const hashes = parts.flatMap(({ file, externalData }) => [file, ...externalData].map((path) => known.get(path)));
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
}

async function measure(model: Tunable, { signal, onStep }: TuneOptions): Promise<Tuning> {
  const { runtime, source, manifest, decoder, prefillDecoder, fixed } = model;
  const cut = (part: ModelPart): Promise<SampleGraph> => {
    const located = source.locate?.(part.file);
    if (located !== undefined) return sampleGraph(source, manifest, part, located);
    throw new BackendError('BACKEND_UNSUPPORTED', `onnxruntime-node opens graphs by path; ${source.name} has none`);
  };
  const steps = await cut(decoder);
  const prompts = prefillDecoder === undefined ? steps : await cut(prefillDecoder);
  const tuning = await tune({ runtime, source, graphs: { steps, prompts }, fixed, signal, onStep });
  throwIfAborted(signal);
  return tuning;
}
