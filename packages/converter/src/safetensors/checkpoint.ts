import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ModelFormatError, systemErrorCode } from '../errors.js';
import { parseJson, preview } from '../json.js';
import { resolveInside } from '../paths.js';
import { readBounded } from '../read-bounded.js';
import { SafetensorsFile } from './file.js';
import type { TensorLocation } from './header.js';

const INDEX_FILE = 'model.safetensors.index.json';
const SINGLE_FILE = 'model.safetensors';
const MAX_NAMES_IN_MESSAGE = 5;

/** A tensor of a checkpoint and the shard that holds it. */
export interface CheckpointTensor extends TensorLocation {
  /** File name of the shard, relative to the checkpoint directory. */
  readonly shard: string;
}

/** Reads ranges of a checkpoint's tensors, wherever their bytes come from. */
export interface TensorReader {
  /** `offset` and `byteLength` are in bytes of the tensor's dtype; both are multiples of an element's size. */
  read(tensor: CheckpointTensor, offset: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Where bytes need not be made but are only read: `read` into memory of the range's size. */
  readInto?(tensor: CheckpointTensor, offset: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What a checkpoint consists of. */
export interface CheckpointContents {
  readonly directory: string;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** File names relative to the directory, in order. */
  readonly shards: readonly string[];
  readonly reader: TensorReader;
}

/** The tensors of a checkpoint by name: of a directory with one file or shards with an index, or made from another. */
export class Checkpoint {
  readonly directory: string;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** Shard names, relative to the directory, in order. */
  readonly shards: readonly string[];
  readonly #reader: TensorReader;

  constructor({ directory, tensors, shards, reader }: CheckpointContents) {
    this.directory = directory;
    this.tensors = tensors;
    this.shards = shards;
    this.#reader = reader;
  }

  /**
   * Opens every shard and checks the headers and the index; no tensor is read.
   *
   * @throws {ModelFormatError} `MODEL_SHARD` for a missing shard or tensor, `MODEL_EXTERNAL_PATH` for a shard outside
   *   the directory, and what the headers throw
   */
  static async open(directory: string): Promise<Checkpoint> {
    const weightMap = await readWeightMap(directory);
    const names = weightMap === undefined ? [SINGLE_FILE] : [...new Set(weightMap.values())].sort();
    const files = new Map<string, SafetensorsFile>();
    try {
      for (const name of names) files.set(name, await openShard(directory, name));
      const tensors = collectTensors(files, weightMap);
      return new Checkpoint({ directory, tensors, shards: [...files.keys()], reader: shardReader(files) });
    } catch (error) {
      await closeAll(files.values());
      throw error;
    }
  }

  /** The tensor of this name, or a `MODEL_CONFIG` error that names it. */
  tensor(name: string): CheckpointTensor {
    const tensor = this.tensors.get(name);
    if (tensor !== undefined) return tensor;
    throw new ModelFormatError(
      'MODEL_CONFIG',
      `tensor ${preview(name)} is missing: config.json asks for it, no shard of ${basename(this.directory)} has it`,
      { details: { tensor: name } },
    );
  }

  /** Reads a range of a tensor's bytes; `offset` counts from the tensor's start. */
  async read(tensor: CheckpointTensor, offset: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#reader.read(tensor, offset, byteLength);
  }

  /** Reads a range of a tensor's bytes into memory of its size, which may be shared with other threads. */
  async readInto(tensor: CheckpointTensor, offset: number, target: Uint8Array): Promise<void> {
    if (this.#reader.readInto !== undefined) await this.#reader.readInto(tensor, offset, target);
    else target.set(await this.#reader.read(tensor, offset, target.byteLength));
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

function shardReader(files: ReadonlyMap<string, SafetensorsFile>): TensorReader {
  const fileOf = ({ shard }: CheckpointTensor): SafetensorsFile => {
    const file = files.get(shard);
    if (file === undefined) throw new ModelFormatError('MODEL_SHARD', `shard ${shard} is not open`);
    return file;
  };
  return {
    read: async (tensor, offset, byteLength) => await fileOf(tensor).read(tensor, offset, byteLength),
    readInto: async (tensor, offset, target) => await fileOf(tensor).readInto(tensor, offset, target),
    close: () => closeAll(files.values()),
  };
}

async function closeAll(files: Iterable<SafetensorsFile>): Promise<void> {
  for (const file of files) await file.close();
}

async function readWeightMap(directory: string): Promise<ReadonlyMap<string, string> | undefined> {
  const bytes = await readBounded(join(directory, INDEX_FILE), INDEX_FILE);
  if (bytes === undefined) return undefined;
  const text = new TextDecoder().decode(bytes);
  const root = parseJson(text, INDEX_FILE, 'MODEL_SHARD');
  const map = root['weight_map'];
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new ModelFormatError('MODEL_SHARD', `${INDEX_FILE}: weight_map must map tensor names to shards`);
  }
  const weightMap = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') {
      throw new ModelFormatError('MODEL_SHARD', `${INDEX_FILE}: the shard of ${preview(tensor)} is not a name`);
    }
    weightMap.set(tensor, shard);
  }
  return weightMap;
}

async function openShard(directory: string, name: string): Promise<SafetensorsFile> {
  const path = resolveInside(directory, name);
  try {
    if (!(await stat(path)).isFile()) throw new ModelFormatError('MODEL_SHARD', `shard ${name} is not a file`);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    throw new ModelFormatError('MODEL_SHARD', `shard ${name} is missing in ${basename(directory)}`, {
      cause: error,
      hint:
        name === SINGLE_FILE
          ? `A checkpoint has ${INDEX_FILE} with its shards, or ${SINGLE_FILE}.`
          : 'Copy or download the missing file.',
    });
  }
  return await SafetensorsFile.open(path);
}

function collectTensors(
  files: ReadonlyMap<string, SafetensorsFile>,
  weightMap: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, CheckpointTensor> {
  const tensors = new Map<string, CheckpointTensor>();
  if (weightMap === undefined) {
    for (const [shard, file] of files) {
      for (const [name, tensor] of file.header.tensors) tensors.set(name, { ...tensor, shard });
    }
    return tensors;
  }
  const absent: string[] = [];
  for (const [name, shard] of weightMap) {
    const tensor = files.get(shard)?.header.tensors.get(name);
    if (tensor === undefined) absent.push(`${name} (${shard})`);
    else tensors.set(name, { ...tensor, shard });
  }
  if (absent.length > 0) {
    const shown = absent.slice(0, MAX_NAMES_IN_MESSAGE).join(', ');
    throw new ModelFormatError('MODEL_SHARD', `${absent.length} tensors of the index are not in their shard: ${shown}`);
  }
  return tensors;
}
