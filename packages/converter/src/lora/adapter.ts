import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ModelFormatError, systemErrorCode } from '../errors.js';
import { preview } from '../json.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import { SafetensorsFile } from '../safetensors/file.js';
import type { TensorLocation } from '../safetensors/header.js';
import { isWeightDtype } from '../tensors/float.js';
import { ADAPTER_CONFIG_FILE, readAdapterConfig, type AdapterConfig } from './adapter-config.js';

const ADAPTER_FILE = 'adapter_model.safetensors';
/** What PEFT puts before the names of the model. */
const PREFIX = 'base_model.model.';
/** Names of an adapter that was trained on the language model alone lack this. */
const LANGUAGE_PREFIX = 'llm.';
const LORA_NAME = /^(.+)\.lora_(?:embedding_)?([AB])(?:\.default)?(?:\.weight)?$/;

/** An update of low rank: `left` [rows, rank] times `right` [rank, columns], times the scale. */
export interface LowRankUpdate {
  readonly kind: 'update';
  readonly a: TensorLocation;
  readonly b: TensorLocation;
  readonly rank: number;
  readonly scale: number;
  /** The factors of an embedding are stored transposed. */
  readonly isEmbedding: boolean;
}

/** A tensor that the adapter holds whole (`modules_to_save`, trained biases). */
export interface Replacement {
  readonly kind: 'replacement';
  readonly tensor: TensorLocation;
}

/** An opened adapter: what it changes, by the checkpoint's tensor names. */
export interface Adapter {
  readonly directory: string;
  readonly file: SafetensorsFile;
  readonly changes: ReadonlyMap<string, LowRankUpdate | Replacement>;
  /** Paths of its files. */
  readonly files: readonly string[];
}

/**
 * Opens a LoRA adapter as PEFT saves it, and checks that every tensor of it fits one of the checkpoint.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` (not an adapter, of an unsupported kind, or for another model: the tensor and
 *   both shapes), `MODEL_SHARD` (no weights), `MODEL_DTYPE`, and what the header throws
 */
export async function openAdapter(directory: string, checkpoint: Checkpoint): Promise<Adapter> {
  const config = await readAdapterConfig(directory);
  const file = await openWeights(directory);
  try {
    const changes = collectChanges(file, config, checkpoint);
    const files = [ADAPTER_CONFIG_FILE, ADAPTER_FILE].map((name) => join(directory, name));
    return { directory, file, changes, files };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openWeights(directory: string): Promise<SafetensorsFile> {
  try {
    return await SafetensorsFile.open(join(directory, ADAPTER_FILE));
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause;
    const isPickled = await stat(join(directory, 'adapter_model.bin')).then(
      () => true,
      () => false,
    );
    throw new ModelFormatError('MODEL_SHARD', `${basename(directory)} has no ${ADAPTER_FILE}`, {
      cause,
      hint: isPickled
        ? 'adapter_model.bin is a Python pickle: save the adapter again with safe_serialization=True.'
        : 'Copy or download the missing file.',
    });
  }
}

interface Pair {
  a?: TensorLocation;
  b?: TensorLocation;
  isEmbedding: boolean;
}

function collectChanges(file: SafetensorsFile, config: AdapterConfig, checkpoint: Checkpoint): Adapter['changes'] {
  const pairs = new Map<string, Pair>();
  const changes = new Map<string, LowRankUpdate | Replacement>();
  for (const tensor of file.header.tensors.values()) {
    if (!isWeightDtype(tensor.dtype)) {
      throw new ModelFormatError('MODEL_DTYPE', `adapter tensor ${preview(tensor.name)} has dtype ${tensor.dtype}`);
    }
    const name = tensor.name.startsWith(PREFIX) ? tensor.name.slice(PREFIX.length) : tensor.name;
    // The weights before training, beside trained ones of the same module.
    if (name.includes('.original_module.')) continue;
    const lora = LORA_NAME.exec(name);
    if (lora === null) {
      const found = findTensor(checkpoint, replacedName(name), tensor);
      changes.set(found.name, { kind: 'replacement', tensor: checkReplacement(tensor, found) });
      continue;
    }
    const module = lora[1] ?? '';
    const pair = pairs.get(module) ?? { isEmbedding: name.includes('.lora_embedding_') };
    pair[lora[2] === 'A' ? 'a' : 'b'] = tensor;
    pairs.set(module, pair);
  }
  for (const [module, pair] of pairs) {
    const { a, b } = pair;
    if (a === undefined || b === undefined) {
      const have = (a ?? b)?.name;
      throw new ModelFormatError(
        'MODEL_CONFIG',
        `adapter tensor ${preview(have)} has no partner: A and B are expected`,
      );
    }
    const found = findTensor(checkpoint, `${module}.weight`, a);
    const rank = config.rank(module);
    const update = { kind: 'update', a, b, rank, scale: config.scale(module), isEmbedding: pair.isEmbedding } as const;
    checkUpdate(update, found);
    changes.set(found.name, update);
  }
  return changes;
}

/** Name of the tensor that a whole tensor of an adapter stands for. */
function replacedName(name: string): string {
  return name.replace(/\.(?:modules_to_save(?:\.default)?|base_layer)(?=\.)/, '');
}

interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

function findTensor(checkpoint: Checkpoint, name: string, adapterTensor: TensorLocation): NamedShape {
  const found = checkpoint.tensors.get(name) ?? checkpoint.tensors.get(`${LANGUAGE_PREFIX}${name}`);
  if (found !== undefined) return found;
  throw new ModelFormatError(
    'MODEL_CONFIG',
    `adapter tensor ${preview(adapterTensor.name)} is for ${preview(name)}, which ${basename(checkpoint.directory)} does not have`,
    { hint: 'The adapter was made for another model.', details: { tensor: name } },
  );
}

function checkReplacement(tensor: TensorLocation, found: NamedShape): TensorLocation {
  if (tensor.shape.join() === found.shape.join()) return tensor;
  throw otherModel(tensor, found, found.shape);
}

function checkUpdate({ a, b, rank, isEmbedding }: LowRankUpdate, found: NamedShape): void {
  const [rows = 0, ...rest] = found.shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  const [inputs, outputs] = isEmbedding ? [rows, columns] : [columns, rows];
  const flat = ({ shape }: TensorLocation): string =>
    `${shape[0] ?? 0},${shape.slice(1).reduce((product, size) => product * size, 1)}`;
  if (a.shape.length < 2 || flat(a) !== `${rank},${inputs}`) throw otherModel(a, found, [rank, inputs]);
  if (b.shape.length < 2 || flat(b) !== `${outputs},${rank}`) throw otherModel(b, found, [outputs, rank]);
}

function otherModel(tensor: TensorLocation, found: NamedShape, expected: readonly number[]): ModelFormatError {
  return new ModelFormatError(
    'MODEL_CONFIG',
    `adapter tensor ${preview(tensor.name)} has shape [${tensor.shape.join(', ')}]; ${preview(found.name)} ` +
      `[${found.shape.join(', ')}] asks for [${expected.join(', ')}]`,
    { hint: 'The adapter was made for another model, or its rank is not the one in adapter_config.json.' },
  );
}
