import { readFile, stat } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { ModelFormatError, systemErrorCode } from './errors.js';
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

/** A part of a model: in a checkpoint the three networks, in a model directory the parts of the manifest. */
export interface InspectedPart {
  readonly part: string;
  readonly dtype: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: readonly InspectedTensor[];
}

export interface Inspection {
  readonly kind: 'checkpoint' | 'model';
  /** Absolute path. */
  readonly directory: string;
  /** Name, version and sizes of the model. */
  readonly model: JsonObject;
  readonly parts: readonly InspectedPart[];
  /** Of all parts; a model directory with two dtypes counts both. */
  readonly parameters: number;
  readonly bytes: number;
}

const CHECKPOINT_PARTS: readonly (readonly [prefix: string, part: string])[] = [
  ['vpm.', 'vision_tower'],
  ['resampler.', 'resampler'],
  ['llm.', 'language_model'],
];
const MAX_GRAPH_BYTES = 2 ** 31;

/**
 * Tells what a checkpoint or a model directory holds: parts, tensors, types, sizes, parameters. Only headers are read.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG`, `MODEL_SHARD`, `MODEL_HEADER`, `MODEL_TENSOR_BOUNDS`, `MODEL_DTYPE`,
 *   `MODEL_EXTERNAL_PATH`, `MODEL_VERSION`
 */
export async function inspect(directory: string): Promise<Inspection> {
  const manifest = await readManifest(directory);
  if (manifest === undefined) return await inspectCheckpoint(directory);
  const parts: InspectedPart[] = [];
  for (const { part, dtype, file } of manifest.parts) {
    const tensors = file.endsWith('.onnx') ? await graphTensors(directory, file) : await fileTensors(directory, file);
    parts.push(summarise(part, dtype, tensors));
  }
  return summariseAll('model', directory, manifest.model, parts);
}

async function inspectCheckpoint(directory: string): Promise<Inspection> {
  const config = await readConfig(directory);
  const checkpoint = await Checkpoint.open(directory);
  await checkpoint.close();
  const byPart = new Map<string, InspectedTensor[]>(CHECKPOINT_PARTS.map(([, part]) => [part, []]));
  for (const { name, dtype, shape, byteLength, shard } of checkpoint.tensors.values()) {
    const part = CHECKPOINT_PARTS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'other';
    const tensors = byPart.get(part) ?? [];
    tensors.push({ name, dtype, shape, bytes: byteLength, file: shard });
    byPart.set(part, tensors);
  }
  const parts = [...byPart]
    .filter(([, tensors]) => tensors.length > 0)
    .map(([part, tensors]) => summarise(part, [...new Set(tensors.map(({ dtype }) => dtype))].join(', '), tensors));
  return summariseAll('checkpoint', directory, { ...manifestModel(config) }, parts);
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
