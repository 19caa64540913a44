import { basename, dirname } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';
import { Checkpoint, type CheckpointTensor, type TensorReader } from '../safetensors/checkpoint.js';
import { convertWeights, weightElementBytes, type WeightDtype } from '../tensors/float.js';
import type { GgufFile, GgufTensor } from './file.js';
import { pieceDtype, pieceElements, readPiece, type Piece } from './pieces.js';
import { mapLanguageTensor, mapVisionTensor, type TensorMapping } from './tensor-names.js';

/** The two files of a model. */
export interface GgufPair {
  readonly language: GgufFile;
  readonly projector: GgufFile;
}

/** A tensor of the checkpoint, stacked from pieces in order. */
interface Stack {
  readonly name: string;
  readonly pieces: Piece[];
}

/**
 * Presents a pair of GGUF files as a checkpoint: names, order of rows and orientation as published, quantised tensors as
 * float32, computed block by block when they are read.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` for tensors that this model does not have
 */
export function ggufCheckpoint(pair: GgufPair): Checkpoint {
  const stacks = new Map<string, Stack>();
  const heads = headSizes(pair.language);
  for (const tensor of pair.language.tensors.values()) {
    const mapping = mapLanguageTensor(tensor.name) ?? unknown(pair.language, tensor);
    add(stacks, mapping, {
      file: pair.language,
      tensor,
      ...(mapping.heads && { headRows: heads(tensor, mapping.heads) }),
    });
  }
  const inner = pair.projector.metadata.integer('clip.vision.feed_forward_length');
  for (const tensor of pair.projector.tensors.values()) {
    const mapping = mapVisionTensor(tensor.name, isFirstLinear(pair.projector, tensor, inner));
    if (mapping === 'computed') continue;
    const known = mapping ?? unknown(pair.projector, tensor);
    add(stacks, known, {
      file: pair.projector,
      tensor,
      ...(known.isTransposed === true ? { isTransposed: true } : {}),
    });
  }
  return new Checkpoint({
    directory: dirname(pair.language.path),
    shards: [basename(pair.language.path), basename(pair.projector.path)],
    tensors: new Map([...stacks.values()].map((stack) => [stack.name, describe(stack)])),
    reader: stackReader(stacks, pair),
  });
}

function unknown(file: GgufFile, tensor: GgufTensor): never {
  const hint =
    tensor.name === 'rope_freqs.weight'
      ? 'It scales the rotary positions, as Llama 3.1 and later do.'
      : 'It belongs to another kind of model than MiniCPM-V with a Llama language model.';
  throw new ModelFormatError(
    'MODEL_CONFIG',
    `${basename(file.path)}: tensor ${preview(tensor.name)} [${tensor.shape.join(', ')}] has no place in this model`,
    { hint },
  );
}

/** A bias has no shape to tell the layers of an MLP apart: its weight has. */
function isFirstLinear(file: GgufFile, tensor: GgufTensor, inner: number): boolean {
  const weight = file.tensors.get(tensor.name.replace(/\.bias$/, '.weight'));
  const [rows, columns] = weight?.shape ?? [];
  return rows === inner && (columns !== inner || tensor.name.includes('ffn_down'));
}

function headSizes(language: GgufFile): (tensor: GgufTensor, kind: 'query' | 'key') => number {
  const heads = language.metadata.integer('llama.attention.head_count');
  const keyHeads = language.metadata.integer('llama.attention.head_count_kv', heads);
  return (tensor, kind) => {
    const rows = (tensor.shape[0] ?? 0) / (kind === 'query' ? heads : keyHeads);
    if (Number.isInteger(rows) && rows > 0 && rows % 2 === 0) return rows;
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${basename(language.path)}: tensor ${preview(tensor.name)} [${tensor.shape.join(', ')}] is no whole number of heads`,
    );
  };
}

function add(stacks: Map<string, Stack>, { name, part = 0 }: TensorMapping, piece: Piece): void {
  const stack = stacks.get(name) ?? { name, pieces: [] };
  stack.pieces[part] = piece;
  stacks.set(name, stack);
}

function describe({ name, pieces }: Stack): CheckpointTensor {
  for (const [part, piece] of [...pieces].entries()) {
    if (piece === undefined)
      throw new ModelFormatError('MODEL_CONFIG', `part ${part} of tensor ${preview(name)} is missing`);
  }
  const [first] = pieces;
  const [, ...rest] = first?.tensor.shape ?? [];
  const rows = pieces.reduce((sum, { tensor }) => sum + (tensor.shape[0] ?? 0), 0);
  const shape = first?.isTransposed === true ? first.tensor.shape.toReversed() : [rows, ...rest];
  if (pieces.some(({ tensor }) => tensor.shape.slice(1).join() !== rest.join())) {
    throw new ModelFormatError('MODEL_TENSOR_BOUNDS', `the parts of tensor ${preview(name)} have different widths`);
  }
  const dtype = stackDtype(pieces);
  const byteLength = shape.reduce((product, size) => product * size, weightElementBytes(dtype));
  return { name, dtype, shape, byteLength, offset: 0, shard: basename(first?.file.path ?? '') };
}

/** The pieces' common type, or float32. */
function stackDtype(pieces: readonly Piece[]): WeightDtype {
  const [dtype = 'F32', ...others] = new Set(pieces.map(pieceDtype));
  return others.length === 0 ? dtype : 'F32';
}

function stackReader(stacks: ReadonlyMap<string, Stack>, { language, projector }: GgufPair): TensorReader {
  return {
    async read({ name }, offset, byteLength) {
      const { pieces } = stacks.get(name) ?? { pieces: [] };
      const dtype = stackDtype(pieces);
      const size = weightElementBytes(dtype);
      const bytes = new Uint8Array(byteLength);
      let position = 0;
      for (const piece of pieces) {
        const first = Math.max(offset / size, position);
        const end = Math.min((offset + byteLength) / size, position + pieceElements(piece));
        if (first < end) {
          const part = await readPiece(piece, first - position, end - first);
          const bits = pieceDtype(piece) === dtype ? part : convertWeights(part, pieceDtype(piece), 'float32', name);
          bytes.set(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength), first * size - offset);
        }
        position += pieceElements(piece);
      }
      return bytes;
    },
    async close() {
      await language.close();
      await projector.close();
    },
  };
}
