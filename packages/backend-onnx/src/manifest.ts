import { ModelFormatError } from '@pocketlens/backend';
import type { Dtype, ModelSource } from '@pocketlens/backend';
import { isObject, readJsonObject } from './json.js';
import type { JsonObject } from './json.js';

export const MANIFEST_FILE = 'pocketlens.json';
const FORMAT_VERSION = 1;

export type PartName = 'vision_encoder' | 'embed_tokens' | 'decoder';

/** How the matrices of a part were quantised. */
export interface PartQuantization {
  readonly bits: number;
  /** Weights that share a scale; absent when a row has one. */
  readonly blockSize?: number;
  readonly method: string;
}

/** One graph or table of a model directory. */
export interface ModelPart {
  readonly part: PartName;
  readonly dtype: Dtype;
  readonly file: string;
  readonly externalData: readonly string[];
  /** Absent when the weights are floating-point numbers. */
  readonly quantization?: PartQuantization;
}

export interface ManifestFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** Sizes of the network, as the converter wrote them. */
export interface ManifestModel {
  readonly name: string;
  readonly version: string;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly queries: number;
  readonly patchSize: number;
  readonly positionTableSide: number;
  readonly visionPositions: 'strip' | 'grid';
  readonly batchVisionInput: boolean;
}

/** Content of `pocketlens.json`. */
export interface Manifest {
  readonly model: ManifestModel;
  readonly parts: readonly ModelPart[];
  readonly files: readonly ManifestFile[];
}

/** Reads and checks the manifest of a model. Throws `ModelFormatError` `MODEL_MANIFEST` or `MODEL_VERSION`. */
export async function readManifest(source: ModelSource): Promise<Manifest> {
  return parseManifest(await readJsonObject(source, MANIFEST_FILE, 'MODEL_MANIFEST'));
}

/** Checks a parsed `pocketlens.json`. */
export function parseManifest(json: JsonObject): Manifest {
  if (json['format'] !== 'pocketlens') throw wrong('format', '"pocketlens"', json['format']);
  if (json['formatVersion'] !== FORMAT_VERSION) {
    throw new ModelFormatError(
      'MODEL_VERSION',
      `${MANIFEST_FILE}: format version ${String(json['formatVersion'])}, this release reads ${FORMAT_VERSION}`,
      { hint: 'Convert the checkpoint again with this release.' },
    );
  }
  return {
    model: parseModel(objectAt(json, 'model')),
    parts: arrayAt(json, 'parts').map((part, index) => parsePart(part, `parts[${index}]`)),
    files: arrayAt(json, 'files').map((file, index) => parseFile(file, `files[${index}]`)),
  };
}

function parseModel(model: JsonObject): ManifestModel {
  const count = (key: string): number => integerAt(model, key, `model.${key}`, 1);
  const positions = model['visionPositions'];
  if (positions !== 'strip' && positions !== 'grid')
    throw wrong('model.visionPositions', '"strip" or "grid"', positions);
  if (typeof model['batchVisionInput'] !== 'boolean') {
    throw wrong('model.batchVisionInput', 'a boolean', model['batchVisionInput']);
  }
  return {
    name: textAt(model, 'name', 'model.name'),
    version: textAt(model, 'version', 'model.version'),
    hiddenSize: count('hiddenSize'),
    layers: count('layers'),
    kvHeads: count('kvHeads'),
    headDim: count('headDim'),
    vocabSize: count('vocabSize'),
    maxPositions: count('maxPositions'),
    queries: count('queries'),
    patchSize: count('patchSize'),
    positionTableSide: count('positionTableSide'),
    visionPositions: positions,
    batchVisionInput: model['batchVisionInput'],
  };
}

const PARTS: readonly string[] = ['vision_encoder', 'embed_tokens', 'decoder'] satisfies PartName[];
const DTYPES: readonly string[] = ['fp32', 'fp16', 'int8', 'q4', 'q4f16'] satisfies Dtype[];

function parsePart(value: unknown, at: string): ModelPart {
  if (!isObject(value)) throw wrong(at, 'an object', value);
  const { part, dtype } = value;
  if (typeof part !== 'string' || !PARTS.includes(part)) throw wrong(`${at}.part`, PARTS.join(', '), part);
  if (typeof dtype !== 'string' || !DTYPES.includes(dtype)) throw wrong(`${at}.dtype`, DTYPES.join(', '), dtype);
  const external = value['externalData'] ?? [];
  if (!Array.isArray(external) || !external.every((path) => typeof path === 'string')) {
    throw wrong(`${at}.externalData`, 'a list of paths', external);
  }
  // Both were compared with the closed lists above.
  return {
    part: part as PartName,
    dtype: dtype as Dtype,
    file: textAt(value, 'file', `${at}.file`),
    externalData: external,
    ...parseQuantization(value['quantization'], `${at}.quantization`),
  };
}

function parseQuantization(value: unknown, at: string): Pick<ModelPart, 'quantization'> {
  if (value === undefined) return {};
  if (!isObject(value)) throw wrong(at, 'an object', value);
  const blockSize =
    value['blockSize'] === undefined ? {} : { blockSize: integerAt(value, 'blockSize', `${at}.blockSize`, 1) };
  const bits = integerAt(value, 'bits', `${at}.bits`, 1);
  return { quantization: { bits, ...blockSize, method: textAt(value, 'method', `${at}.method`) } };
}

function parseFile(value: unknown, at: string): ManifestFile {
  if (!isObject(value)) throw wrong(at, 'an object', value);
  return {
    path: textAt(value, 'path', `${at}.path`),
    size: integerAt(value, 'size', `${at}.size`, 0),
    sha256: textAt(value, 'sha256', `${at}.sha256`),
  };
}

function objectAt(json: JsonObject, key: string): JsonObject {
  const value = json[key];
  if (!isObject(value)) throw wrong(key, 'an object', value);
  return value;
}

function arrayAt(json: JsonObject, key: string): readonly unknown[] {
  const value = json[key];
  if (!Array.isArray(value)) throw wrong(key, 'a list', value);
  return value;
}

function textAt(json: JsonObject, key: string, at: string): string {
  const value = json[key];
  if (typeof value !== 'string' || value === '') throw wrong(at, 'a text', value);
  return value;
}

function integerAt(json: JsonObject, key: string, at: string, least: number): number {
  const value = json[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw wrong(at, `a whole number of at least ${least}`, value);
  }
  return value;
}

function wrong(at: string, expected: string, received: unknown): ModelFormatError {
  const shown = JSON.stringify(received)?.slice(0, 60) ?? 'nothing';
  return new ModelFormatError('MODEL_MANIFEST', `${MANIFEST_FILE}: ${at} must be ${expected}, found ${shown}`, {
    hint: 'Convert the checkpoint again.',
  });
}
