import { mkdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { CheckpointConfig } from './config.js';
import {
  AbortError,
  InvalidArgumentError,
  ModelFormatError,
  OutputError,
  systemErrorCode,
  throwIfAborted,
} from './errors.js';
import { fingerprintOf } from './fingerprint.js';
import { preview } from './json.js';
import type { GraphDefinition } from './graphs/builder.js';
import { buildDecoder } from './graphs/decoder.js';
import { buildVisionEncoder } from './graphs/vision-encoder.js';
import { checkEmbedding, writeEmbedding } from './output/embedding-file.js';
import { weightBytes, writeGraph } from './output/graph-files.js';
import { findLicense } from './output/license.js';
import {
  MANIFEST_FILE,
  MANIFEST_FORMAT_VERSION,
  manifestModel,
  type Manifest,
  type ManifestPart,
  type PartDtype,
  type PartName,
} from './output/manifest.js';
import type { OutputContext, WrittenFile } from './output/output.js';
import { PaceMeter, type Pace } from './output/progress.js';
import { ResumableFile } from './output/resumable-file.js';
import { copySideFiles, sideFiles, writeJson } from './output/side-files.js';
import { StagingDirectory } from './output/staging.js';
import type { Checkpoint } from './safetensors/checkpoint.js';
import {
  PART_DTYPES,
  partFormats,
  quantizationOf,
  type PartFormats,
  type QuantizationOptions,
} from './part-formats.js';
import type { WeightFormat } from './quantization/scheme.js';
import type { RowsQuantizer } from './quantization/worker/quantizer.js';
import { QuantizationWorkers } from './quantization/worker/workers.js';
import { openSource, type ConversionSource } from './source.js';

/** How far a conversion is. */
export interface ConvertProgress extends Pace {
  /** File being written, relative to the model directory. */
  readonly file: string;
  /** Bytes of weights written so far, over all files, those of an interrupted run included. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes that an interrupted run had written already. */
  readonly bytesResumed: number;
}

export interface ConvertOptions extends QuantizationOptions {
  /**
   * Checkpoint directory: `config.json` and safetensors, in one file or in shards with an index. Or a GGUF language model,
   * or a directory with one.
   */
  readonly source: string;
  /** Image part of a GGUF model; default the one file with `mmproj` in its name beside the language model. */
  readonly mmproj?: string;
  /** Directory of a LoRA adapter as PEFT saves it, to be merged: `adapter_config.json`, `adapter_model.safetensors`. */
  readonly lora?: string;
  /** Model directory to be written. */
  readonly target: string;
  /** Storage types of the weights; each gives its own set of files. */
  readonly dtypes: readonly PartDtype[];
  /**
   * Threads that quantise to `q4`, 1 to 64; default one for every processor, at most 8. More cannot be fed by the one that
   * reads. The bytes that are written do not depend on it.
   */
  readonly threads?: number;
  readonly onProgress?: (progress: ConvertProgress) => void;
  readonly signal?: AbortSignal;
  /** Replace a target that is not empty. */
  readonly force?: boolean;
  /**
   * Unfinished work. `keep` (default): go on from an interrupted conversion of the same source with the same settings,
   * and leave the work to a later one when this one is interrupted. `discard`: start anew, and leave nothing behind.
   */
  readonly unfinished?: 'keep' | 'discard';
}

/** What was written. */
export interface ConvertResult {
  /** Absolute path of the model directory. */
  readonly directory: string;
  readonly manifest: Manifest;
}

/**
 * Converts a MiniCPM-V checkpoint or GGUF pair to a model directory: ONNX graphs, embedding rows, settings, tokenizer, manifest.
 *
 * Weights are read and written piece by piece; the target is absent or complete at any moment, whatever ends the process.
 * The next call with the same source and settings goes on where an interrupted one ended, and writes the same bytes.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_TYPE`, `ARGUMENT_RANGE` (unknown dtype; target not empty without `force`)
 * @throws {ModelFormatError} `MODEL_CONFIG`, `MODEL_SHARD`, `MODEL_HEADER`, `MODEL_TENSOR_BOUNDS`, `MODEL_DTYPE`,
 *   `MODEL_EXTERNAL_PATH`
 * @throws {OutputError} `DISK_FULL`, `OUTPUT_UNWRITABLE`, `OUTPUT_LOCKED` (another process writes the same target)
 * @throws {AbortError} `ABORTED`; `details.unfinished` is the directory of the work that was kept, if any
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  const dtypes = checkDtypes(options.dtypes);
  const isFresh = checkUnfinished(options.unfinished) === 'discard';
  const quantizer = new QuantizationWorkers(checkThreads(options.threads));
  throwIfAborted(options.signal);
  const source = await openSource(options);
  try {
    const plan = planParts(source.checkpoint, source.config, dtypes, options);
    const staging = await StagingDirectory.open(options.target, {
      force: options.force ?? false,
      sources: [options.source, ...source.weightFiles, ...source.otherFiles],
      fingerprint: await fingerprint(source, plan, options),
      isFresh,
    });
    try {
      const manifest = await writeModel(plan, { source, staging, quantizer, options });
      throwIfAborted(options.signal);
      await staging.commit();
      return { directory: resolve(options.target), manifest };
    } catch (error) {
      throw await leave(staging, error, options);
    }
  } finally {
    await quantizer.close();
    await source.checkpoint.close();
  }
}

/** Keeps or removes unfinished work, and says so in the error. Work from a source that is broken is of no use. */
async function leave(staging: StagingDirectory, error: unknown, options: ConvertOptions): Promise<unknown> {
  const isKept = options.unfinished !== 'discard' && staging.journal.hasWork && !(error instanceof ModelFormatError);
  if (isKept) await staging.keep();
  else await staging.discard();
  const again = isKept ? 'The same call goes on from there.' : undefined;
  const details = isKept ? { details: { unfinished: staging.root } } : {};
  if (error instanceof AbortError && options.signal !== undefined) {
    return new AbortError(options.signal, { ...(again === undefined ? {} : { hint: again }), ...details });
  }
  if (systemErrorCode(error) !== 'ENOSPC') return error;
  const what = isKept ? `what is finished stays in ${staging.root}` : 'the unfinished files were removed';
  return new OutputError('DISK_FULL', `no space left for ${options.target}; ${what}`, {
    cause: error,
    hint: `Free space${isKept ? ` and call again to go on, or remove ${staging.root}` : ''}.`,
    ...details,
  });
}

async function fingerprint(
  { config, directory, weightFiles, otherFiles }: ConversionSource,
  plan: readonly PartPlan[],
  options: ConvertOptions,
): Promise<string> {
  const {
    source: _,
    target: __,
    onProgress: ___,
    signal: ____,
    force: _____,
    unfinished: ______,
    threads: _______,
    ...settings
  } = options;
  return await fingerprintOf({
    files: [...weightFiles, ...otherFiles, ...(await sideFiles(directory))],
    settings,
    config: config.effective,
    graphs: plan.flatMap(({ vision, decoder }) => [vision, decoder]),
  });
}

function checkUnfinished(value: unknown): unknown {
  if (value === undefined || value === 'keep' || value === 'discard') return value;
  throw new InvalidArgumentError('ARGUMENT_RANGE', `unfinished must be "keep" or "discard", got ${preview(value)}`);
}

const MOST_THREADS = 64;
const MOST_THREADS_BY_DEFAULT = 8;

function checkThreads(threads: number = Math.min(availableParallelism(), MOST_THREADS_BY_DEFAULT)): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS) return threads;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `threads must be a whole number from 1 to ${MOST_THREADS}, got ${preview(threads)}`,
  );
}

function checkDtypes(dtypes: readonly PartDtype[]): readonly PartDtype[] {
  const known: readonly string[] = PART_DTYPES;
  if (!Array.isArray(dtypes) || dtypes.length === 0) {
    throw new InvalidArgumentError('ARGUMENT_TYPE', `dtypes must be a list of ${known.join(', ')}`);
  }
  for (const dtype of dtypes) {
    if (!known.includes(dtype)) {
      throw new InvalidArgumentError('ARGUMENT_RANGE', `dtype ${preview(dtype)}; known are ${known.join(', ')}`);
    }
  }
  return [...new Set(dtypes)];
}

interface PartPlan {
  readonly dtype: PartDtype;
  readonly formats: PartFormats;
  readonly vision: GraphDefinition;
  readonly decoder: GraphDefinition;
}

/** Builds all graphs, so that everything that can be missing is found before the first byte is written. */
function planParts(
  checkpoint: Checkpoint,
  config: CheckpointConfig,
  dtypes: readonly PartDtype[],
  options: QuantizationOptions,
): readonly PartPlan[] {
  if (![...checkpoint.tensors.keys()].some((name) => name.startsWith('vpm.'))) {
    throw new ModelFormatError('MODEL_CONFIG', 'the checkpoint has no vision tensors (`vpm.*`)', {
      hint: 'A MiniCPM-V checkpoint is expected, not a text-only language model.',
    });
  }
  checkEmbedding(checkpoint, config.language);
  return dtypes.map((dtype) => {
    const formats = partFormats(dtype, options);
    return {
      dtype,
      formats,
      vision: buildVisionEncoder(checkpoint, config, formats.vision),
      decoder: buildDecoder(checkpoint, config, formats.decoder),
    };
  });
}

interface ModelContext {
  readonly source: ConversionSource;
  readonly staging: StagingDirectory;
  readonly quantizer: RowsQuantizer;
  readonly options: ConvertOptions;
}

async function writeModel(plans: readonly PartPlan[], context: ModelContext): Promise<Manifest> {
  const { source, staging, quantizer, options } = context;
  const { checkpoint, config } = source;
  const directory = staging.path;
  await mkdir(join(directory, 'onnx'), { recursive: true });
  const output: OutputContext = {
    checkpoint,
    directory,
    signal: options.signal,
    quantizer,
    open: (path, expectedBytes) => ResumableFile.open(directory, path, { journal: staging.journal, expectedBytes }),
    ...progressCounter(plans, config, options.onProgress),
  };
  const files: WrittenFile[] = [await writeJson(directory, 'config.json', config.effective)];
  files.push(...(await copySideFiles(source.directory, directory)));
  for (const { path, value } of source.made) files.push(await writeJson(directory, path, value));
  const parts: ManifestPart[] = [];
  for (const plan of plans) {
    const written = await writeParts(plan, config, output);
    parts.push(...written.parts);
    files.push(...written.files);
  }
  const manifest: Manifest = {
    format: 'pocketlens',
    formatVersion: MANIFEST_FORMAT_VERSION,
    model: manifestModel(config),
    parts,
    files,
    source: {
      kind: source.kind,
      name: config.name,
      files: await describeFiles(source.weightFiles),
      ...(source.adapter === undefined ? {} : { adapter: source.adapter }),
    },
    license: await findLicense(source.directory, config.effective),
  };
  await writeJson(directory, MANIFEST_FILE, manifest);
  return manifest;
}

async function writeParts(
  { dtype, formats, vision, decoder }: PartPlan,
  config: CheckpointConfig,
  output: OutputContext,
): Promise<{ readonly parts: readonly ManifestPart[]; readonly files: readonly WrittenFile[] }> {
  const { suffix } = formats;
  const visionPath = `onnx/vision_encoder${suffix}.onnx`;
  const embeddingPath = `embed_tokens${suffix}.safetensors`;
  const decoderPath = `onnx/decoder_model_merged${suffix}.onnx`;
  const files = [
    ...(await writeGraph(vision, visionPath, output)),
    await writeEmbedding(embeddingPath, config.language, formats.embedding, output),
    ...(await writeGraph(decoder, decoderPath, output)),
  ];
  const part = (name: PartName, file: string, format: WeightFormat): ManifestPart => ({
    part: name,
    dtype,
    file,
    externalData: name === 'embed_tokens' ? [] : [`${file}_data`],
    ...quantizationOf(format),
  });
  const parts = [
    part('vision_encoder', visionPath, formats.vision),
    part('embed_tokens', embeddingPath, formats.embedding),
    part('decoder', decoderPath, formats.decoder),
  ];
  return { parts, files };
}

function progressCounter(
  plans: readonly PartPlan[],
  { language }: CheckpointConfig,
  onProgress: ConvertOptions['onProgress'],
): Pick<OutputContext, 'onBytes' | 'onResumed'> {
  const embedding = language.vocabSize * language.hiddenSize;
  const bytesTotal = plans.reduce((sum, { formats, vision, decoder }) => {
    const elementBytes = formats.embedding === 'float32' ? 4 : 2;
    return sum + weightBytes(vision) + weightBytes(decoder) + embedding * elementBytes;
  }, 0);
  const meter = new PaceMeter(() => performance.now());
  let bytesDone = 0;
  let bytesResumed = 0;
  const report = (file: string): void => {
    const pace = meter.measure(bytesDone - bytesResumed, bytesTotal - bytesDone);
    onProgress?.({ file, bytesDone, bytesTotal, bytesResumed, ...pace });
  };
  return {
    onBytes: (file, bytes) => {
      bytesDone += bytes;
      report(file);
    },
    onResumed: (file, bytes) => {
      if (bytes === 0) return;
      bytesDone += bytes;
      bytesResumed += bytes;
      report(file);
    },
  };
}

async function describeFiles(paths: readonly string[]): Promise<Manifest['source']['files']> {
  const files = [];
  for (const path of paths) files.push({ path: basename(path), size: (await stat(path)).size });
  return files;
}
