import { readFile, stat } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { ModelFormatError, systemErrorCode } from './errors.js';
import { isGgufSource } from './gguf/open-pair.js';
import { readGgufSource, readSafetensorsFile, type SourceContents } from './inspect-sources.js';
import { preview } from './json.js';
import type { JsonObject } from './json.js';
import { readOnnxWeights, type OnnxWeight } from './onnx/read-weights.js';
import { manifestModel } from './output/manifest.js';
import { readManifest } from './output/read-manifest.js';
import { resolveInside } from './paths.js';
import { readConfig } from './read-config.js';
import { Checkpoint } from './safetensors/checkpoint.js';
import { SafetensorsFile } from './safetensors/file.js';

/** A tensor as it is stored. */
export interface InspectedTensor {
  readonly name: string;
  /** In the file's own words: `F16`, `float16`, ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** File that holds the data, relative to the directory, with `/`. */
  readonly file: string;
}

/** A part of a model: in a checkpoint or GGUF the three networks, in a model directory the parts of the manifest. */
export interface InspectedPart {
  readonly part: string;
  readonly dtype: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: readonly InspectedTensor[];
}

export interface Inspection {
  readonly kind: 'checkpoint' | 'gguf' | 'model';
  /** Absolute path of the directory or file. */
  readonly directory: string;
  /** Name, version and sizes of the model; the name alone where a single file tells no more. */
  readonly model: JsonObject;
  readonly parts: readonly InspectedPart[];
  /** Of all parts; a model directory with two dtypes counts both. */
  readonly parameters: number;
  readonly bytes: number;
}

/** Parts by the beginning of a tensor's name, in checkpoints and in GGUF files. */
const SOURCE_PARTS: readonly (readonly [name: RegExp, part: string])[] = [
  [/^(vpm|v)\./, 'vision_tower'],
  [/^resampler\./, 'resampler'],
  [/^(llm\.|blk\.|token_embd|output)/, 'language_model'],
];
const MAX_GRAPH_BYTES = 2 ** 31;

export interface InspectOptions {
  /** Image part of a GGUF model, as for `convert`. */
  readonly mmproj?: string;
}

/**
 * Tells what a checkpoint, a GGUF pair, a model directory or a single file of weights holds: parts, tensors, types, sizes,
 * parameters. Only headers are read.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG`, `MODEL_SHARD`, `MODEL_HEADER`, `MODEL_TENSOR_BOUNDS`, `MODEL_DTYPE`,
 *   `MODEL_EXTERNAL_PATH`, `MODEL_VERSION`
 */
export async function inspect(path: string, { mmproj }: InspectOptions = {}): Promise<Inspection> {
  if (await isGgufSource(path)) return summariseSource('gguf', path, await readGgufSource(path, mmproj));
  if (path.endsWith('.safetensors')) return summariseSource('checkpoint', path, await readSafetensorsFile(path));
  const manifest = await readManifest(path).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOTDIR') throw error;
  });
  if (manifest === undefined) return await inspectCheckpoint(path);
  const parts: InspectedPart[] = [];
  for (const { part, dtype, file } of manifest.parts) {
    const tensors = file.endsWith('.onnx') ? await graphTensors(path, file) : await fileTensors(path, file);
    parts.push(summarise(part, dtype, tensors));
  }
  return summariseAll('model', path, manifest.model, parts);
}

async function inspectCheckpoint(directory: string): Promise<Inspection> {
  const config = await readConfig(directory);
  const checkpoint = await Checkpoint.open(directory);
  await checkpoint.close();
  const tensors = [...checkpoint.tensors.values()].map(({ name, dtype, shape, byteLength, shard }) => {
    return { name, dtype, shape, bytes: byteLength, file: shard };
  });
  return summariseSource('checkpoint', directory, { tensors, model: { ...manifestModel(config) } });
}

function summariseSource(kind: 'checkpoint' | 'gguf', path: string, { tensors, model }: SourceContents): Inspection {
  const byPart = new Map<string, InspectedTensor[]>(SOURCE_PARTS.map(([, part]) => [part, []]));
  for (const tensor of tensors) {
    const part = SOURCE_PARTS.find(([name]) => name.test(tensor.name))?.[1] ?? 'other';
    const found = byPart.get(part) ?? [];
    found.push(tensor);
    byPart.set(part, found);
  }
  const parts = [...byPart]
    .filter(([, found]) => found.length > 0)
    .map(([part, found]) => summarise(part, [...new Set(found.map(({ dtype }) => dtype))].join(', '), found));
  return summariseAll(kind, path, model, parts);
}

function summarise(part: string, dtype: string, tensors: readonly InspectedTensor[]): InspectedPart {
  return {
    part,
    dtype,
    parameters: sum(tensors, parametersOf),
    bytes: sum(tensors, ({ bytes }) => bytes),
    tensors,
  };
}

/** Numbers of the model that a stored array holds: two in a byte of int4 codes, none in scales and zero points. */
function parametersOf({ name, shape }: InspectedTensor): number {
  if (name.endsWith('.scales') || name.endsWith('.zero_points')) return 0;
  return shape.reduce((product, size) => product * size, name.endsWith('.int4') ? 2 : 1);
}

function summariseAll(
  kind: Inspection['kind'],
  directory: string,
  model: JsonObject,
  parts: readonly InspectedPart[],
): Inspection {
  return {
    kind,
    directory: resolve(directory),
    model,
    parts,
    parameters: sum(parts, ({ parameters }) => parameters),
    bytes: sum(parts, ({ bytes }) => bytes),
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

/** Initializers of a graph with matrix or vector data; the small shape constants are left out. */
async function graphTensors(directory: string, file: string): Promise<readonly InspectedTensor[]> {
  const path = resolveInside(directory, file);
  const size = await fileSize(path, file);
  if (size > MAX_GRAPH_BYTES)
    throw new ModelFormatError('MODEL_HEADER', `${file}: ${size} bytes, limit ${MAX_GRAPH_BYTES}`);
  const tensors: InspectedTensor[] = [];
  for (const weight of readOnnxWeights(await readFile(path), file)) {
    if (weight.external === undefined) continue;
    const dataPath = resolveInside(dirname(path), weight.external.location);
    const name = relative(directory, dataPath).split(sep).join('/');
    checkExtent(weight, await fileSize(dataPath, name), name);
    const { dataType: dtype, shape, byteLength: bytes } = weight;
    tensors.push({ name: weight.name, dtype, shape, bytes, file: name });
  }
  return tensors;
}

function checkExtent(weight: OnnxWeight, size: number, file: string): void {
  const end = (weight.external?.offset ?? 0) + weight.byteLength;
  if (end <= size) return;
  throw new ModelFormatError(
    'MODEL_TENSOR_BOUNDS',
    `${file}: initializer ${preview(weight.name)} ends at byte ${end}, the file has ${size} bytes`,
  );
}

async function fileTensors(directory: string, file: string): Promise<readonly InspectedTensor[]> {
  const path = resolveInside(directory, file);
  await fileSize(path, file);
  const opened = await SafetensorsFile.open(path);
  await opened.close();
  return [...opened.header.tensors.values()].map(({ name, dtype, shape, byteLength }) => {
    return { name, dtype, shape, bytes: byteLength, file };
  });
}

async function fileSize(path: string, label: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause;
    throw new ModelFormatError('MODEL_SHARD', `${label} is missing in the model directory`, { cause });
  }
}
