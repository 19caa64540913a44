import { gguf, type GGUFParseOutput } from '@huggingface/gguf';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';
import { GgufMetadata } from './metadata.js';
import { GGML_TYPES, type GgmlType } from './types.js';

const MIN_BYTES = 24;
const MAX_DIMENSIONS = 4;
/** The parser pads with 32-bit arithmetic; headers of real files are some megabytes. */
const MAX_HEADER_BYTES = 2 ** 30;

/** A tensor of a GGUF file. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgmlType;
  /** Slowest dimension first, as in a checkpoint. */
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** An open GGUF file: metadata and places of the tensors in memory, data read on demand. */
export class GgufFile {
  readonly path: string;
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly #handle: FileHandle;

  private constructor(
    path: string,
    contents: { readonly metadata: GgufMetadata; readonly tensors: ReadonlyMap<string, GgufTensor> },
    handle: FileHandle,
  ) {
    this.path = path;
    this.metadata = contents.metadata;
    this.tensors = contents.tensors;
    this.#handle = handle;
  }

  /**
   * Opens a file and checks its header: every tensor lies inside the file, in a type that is read.
   *
   * @throws {ModelFormatError} `MODEL_HEADER` (not GGUF, cut, big-endian), `MODEL_TENSOR_BOUNDS`, `MODEL_DTYPE`
   */
  static async open(path: string): Promise<GgufFile> {
    const label = basename(path);
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      await checkStart(handle, size, label);
      const parsed = await parse(path, label);
      const headerEnd = Number(parsed.tensorDataOffset);
      if (parsed.tensorInfoByteRange[1] > size || headerEnd < parsed.tensorInfoByteRange[1]) {
        throw new ModelFormatError(
          'MODEL_HEADER',
          `${label}: the header goes past the end of the file (${size} bytes)`,
        );
      }
      if (!parsed.littleEndian) throw new ModelFormatError('MODEL_HEADER', `${label}: big-endian files are not read`);
      const metadata = new GgufMetadata(new Map(Object.entries(parsed.metadata)), label);
      return new GgufFile(path, { metadata, tensors: readTensors(parsed, size, label) }, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Reads a range of a tensor's stored bytes; `offset` counts from the tensor's start. */
  async read(tensor: GgufTensor, offset: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(byteLength);
    for (let done = 0; done < byteLength;) {
      const position = tensor.offset + offset + done;
      const { bytesRead } = await this.#handle.read(bytes, done, byteLength - done, position);
      if (bytesRead === 0) {
        throw new ModelFormatError('MODEL_TENSOR_BOUNDS', `${basename(this.path)}: the file ends at byte ${position}`);
      }
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function checkStart(handle: FileHandle, size: number, label: string): Promise<void> {
  if (size < MIN_BYTES) {
    throw new ModelFormatError('MODEL_HEADER', `${label}: ${size} bytes, at least ${MIN_BYTES} expected`);
  }
  const { buffer } = await handle.read(new Uint8Array(4), 0, 4, 0);
  if (buffer.toString() === '71,71,85,70') return;
  const hexadecimal = Buffer.from(buffer).toString('hex');
  throw new ModelFormatError('MODEL_HEADER', `${label} is no GGUF file: it begins with ${hexadecimal}, not "GGUF"`);
}

async function parse(path: string, label: string): Promise<GGUFParseOutput<{ strict: false }>> {
  try {
    return await gguf(resolve(path), { allowLocalFile: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ModelFormatError('MODEL_HEADER', `${label}: the GGUF header cannot be read (${why.slice(0, 200)})`, {
      cause,
      hint: 'The file may be cut: compare its size with that of the original.',
    });
  }
}

function readTensors(parsed: GGUFParseOutput<{ strict: false }>, size: number, label: string): GgufFile['tensors'] {
  const dataStart = Number(parsed.tensorDataOffset);
  const alignment = Number(parsed.metadata['general.alignment'] ?? 32);
  if ((alignment & (alignment - 1)) !== 0 || dataStart > MAX_HEADER_BYTES) {
    throw new ModelFormatError('MODEL_HEADER', `${label}: general.alignment ${alignment} is no power of two`);
  }
  const tensors = new Map<string, GgufTensor>();
  for (const info of parsed.tensorInfos) {
    const where = `${label}: tensor ${preview(info.name)}`;
    if (tensors.has(info.name)) throw new ModelFormatError('MODEL_HEADER', `${where} stands there twice`);
    const type = GGML_TYPES.get(info.dtype);
    if (type === undefined) {
      const known = [...GGML_TYPES.values()].map(({ name }) => name).join(', ');
      throw new ModelFormatError('MODEL_DTYPE', `${where} has quantisation type ${info.dtype}; read are ${known}`);
    }
    tensors.set(info.name, placeTensor(info, type, { dataStart, size, where }));
  }
  return tensors;
}

function placeTensor(
  { name, shape, offset }: GGUFParseOutput['tensorInfos'][number],
  type: GgmlType,
  { dataStart, size, where }: { readonly dataStart: number; readonly size: number; readonly where: string },
): GgufTensor {
  const sizes = shape.map(Number).toReversed();
  const isShape = sizes.length >= 1 && sizes.length <= MAX_DIMENSIONS && (sizes.at(-1) ?? 0) % type.blockValues === 0;
  if (!isShape || sizes.includes(0)) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${where}: shape [${sizes.join(', ')}] does not fit ${type.name} (blocks of ${type.blockValues} values)`,
    );
  }
  const elements = shape.reduce((product, length) => product * length, 1n);
  const bytes = (elements / BigInt(type.blockValues)) * BigInt(type.blockBytes);
  const start = BigInt(dataStart) + offset;
  if (start + bytes > BigInt(size)) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${where}: bytes ${start} to ${start + bytes} in a file of ${size} bytes`,
      { hint: 'The file is cut: copy or download it again.' },
    );
  }
  return { name, type, shape: sizes, offset: Number(start), byteLength: Number(bytes) };
}
