import { ModelFormatError } from '../errors.js';
import { isJsonObject, preview, type JsonObject } from '../json.js';

/** Bytes of one element of each storage type of the format. */
export const SAFETENSORS_ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

/** Storage type of a tensor, as safetensors names it. */
export type SafetensorsDtype = keyof typeof SAFETENSORS_ELEMENT_BYTES;

/** Where a tensor lies in its file. */
export interface TensorLocation {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** The checked header of a safetensors file. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorLocation>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bounds of what a header may ask for. */
export const SAFETENSORS_LIMITS = {
  headerBytes: 26_214_400,
  tensors: 100_000,
  dimensions: 8,
  dimension: 4_294_967_296,
} as const;

const LENGTH_BYTES = 8;

/**
 * Reads the length field at the start of a safetensors file.
 *
 * @param start - the first bytes of the file, at most eight are used
 * @param fileSize - bytes of the whole file
 * @param label - name of the file for messages
 * @returns bytes of the JSON header that follows the length field
 * @throws {ModelFormatError} `MODEL_HEADER` when the file is too short or the length goes past it or the limit
 */
export function readHeaderLength(start: Uint8Array, fileSize: number, label: string): number {
  if (fileSize < LENGTH_BYTES || start.byteLength < LENGTH_BYTES) {
    throw new ModelFormatError('MODEL_HEADER', `${label}: ${fileSize} bytes, at least ${LENGTH_BYTES} expected`);
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(fileSize - LENGTH_BYTES)) {
    throw new ModelFormatError('MODEL_HEADER', `${label}: header of ${length} bytes in a file of ${fileSize} bytes`);
  }
  if (length > BigInt(SAFETENSORS_LIMITS.headerBytes)) {
    throw new ModelFormatError(
      'MODEL_HEADER',
      `${label}: header of ${length} bytes, limit ${SAFETENSORS_LIMITS.headerBytes}`,
    );
  }
  return Number(length);
}

/**
 * Parses and checks a safetensors header: every tensor lies inside the file, its bytes fit its shape and type, and the
 * tensors cover the data without gap or overlap.
 *
 * @param header - the JSON bytes after the length field
 * @param fileSize - bytes of the whole file
 * @param label - name of the file for messages
 * @throws {ModelFormatError} `MODEL_HEADER`, `MODEL_TENSOR_BOUNDS` or `MODEL_DTYPE`
 * @source https://github.com/huggingface/safetensors#format
 */
export function parseSafetensorsHeader(header: Uint8Array, fileSize: number, label: string): SafetensorsHeader {
  const root = parseJsonObject(header, label);
  const dataStart = LENGTH_BYTES + header.byteLength;
  const tensors = new Map<string, TensorLocation>();
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, entry] of Object.entries(root)) {
    if (name === '__metadata__') metadata = parseMetadata(entry, label);
    else tensors.set(name, parseTensor(name, entry, { dataStart, fileSize, label }));
  }
  if (tensors.size > SAFETENSORS_LIMITS.tensors) {
    throw new ModelFormatError(
      'MODEL_HEADER',
      `${label}: ${tensors.size} tensors, limit ${SAFETENSORS_LIMITS.tensors}`,
    );
  }
  checkCoverage(tensors, dataStart, fileSize, label);
  return { tensors, metadata };
}

function parseJsonObject(header: Uint8Array, label: string): JsonObject {
  let root: unknown;
  try {
    root = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header));
  } catch (cause) {
    throw new ModelFormatError('MODEL_HEADER', `${label}: the header at offset ${LENGTH_BYTES} is not UTF-8 JSON`, {
      cause,
    });
  }
  if (!isJsonObject(root)) {
    throw new ModelFormatError('MODEL_HEADER', `${label}: the header at offset ${LENGTH_BYTES} is not a JSON object`);
  }
  return root;
}

function parseMetadata(entry: unknown, label: string): Record<string, string> {
  const pairs = isJsonObject(entry) ? Object.entries(entry) : undefined;
  if (pairs === undefined || pairs.some(([, value]) => typeof value !== 'string')) {
    throw new ModelFormatError('MODEL_HEADER', `${label}: __metadata__ must map strings to strings`);
  }
  return Object.fromEntries(pairs.map(([key, value]) => [key, String(value)]));
}

interface FileExtent {
  readonly dataStart: number;
  readonly fileSize: number;
  readonly label: string;
}

function parseTensor(name: string, entry: unknown, extent: FileExtent): TensorLocation {
  const where = `${extent.label}: tensor ${preview(name)}`;
  if (!isJsonObject(entry)) throw new ModelFormatError('MODEL_HEADER', `${where} is not described by an object`);
  const dtype = parseDtype(entry['dtype'], where);
  const shape = parseShape(entry['shape'], where);
  const [begin, end] = parseOffsets(entry['data_offsets'], where, extent);
  const elements = shape.reduce((product, size) => product * BigInt(size), 1n);
  const expected = elements * BigInt(SAFETENSORS_ELEMENT_BYTES[dtype]);
  if (expected !== BigInt(end - begin)) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${where}: ${dtype} [${shape.join(', ')}] takes ${expected} bytes, data_offsets give ${end - begin}`,
    );
  }
  return { name, dtype, shape, offset: extent.dataStart + begin, byteLength: end - begin };
}

function parseDtype(value: unknown, where: string): SafetensorsDtype {
  if (typeof value === 'string' && isSafetensorsDtype(value)) return value;
  const known = Object.keys(SAFETENSORS_ELEMENT_BYTES).join(', ');
  throw new ModelFormatError('MODEL_DTYPE', `${where}: dtype ${preview(value)} is unknown; known are ${known}`);
}

function isSafetensorsDtype(value: string): value is SafetensorsDtype {
  return Object.hasOwn(SAFETENSORS_ELEMENT_BYTES, value);
}

function parseShape(value: unknown, where: string): readonly number[] {
  const { dimensions, dimension } = SAFETENSORS_LIMITS;
  const isShape =
    Array.isArray(value) &&
    value.length <= dimensions &&
    value.every((size: unknown): size is number => isIndex(size) && size <= dimension);
  if (!isShape) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${where}: shape ${preview(value)}; at most ${dimensions} whole numbers from 0 to ${dimension} expected`,
    );
  }
  return value;
}

function parseOffsets(value: unknown, where: string, extent: FileExtent): readonly [number, number] {
  const [begin, end] = Array.isArray(value) && value.length === 2 ? (value as readonly unknown[]) : [];
  const dataBytes = extent.fileSize - extent.dataStart;
  if (isIndex(begin) && isIndex(end) && begin <= end && end <= dataBytes) return [begin, end];
  throw new ModelFormatError(
    'MODEL_TENSOR_BOUNDS',
    `${where}: data_offsets ${preview(value)} in ${dataBytes} bytes of data (file of ${extent.fileSize} bytes)`,
  );
}

function checkCoverage(
  tensors: ReadonlyMap<string, TensorLocation>,
  dataStart: number,
  fileSize: number,
  label: string,
): void {
  const inOrder = [...tensors.values()].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let position = dataStart;
  for (const { name, offset, byteLength } of inOrder) {
    if (offset !== position) {
      const what = offset < position ? 'overlaps its neighbour' : 'leaves a gap before it';
      throw new ModelFormatError('MODEL_TENSOR_BOUNDS', `${label}: tensor ${preview(name)} ${what}`);
    }
    position = offset + byteLength;
  }
  if (position !== fileSize) {
    throw new ModelFormatError(
      'MODEL_TENSOR_BOUNDS',
      `${label}: the tensors end at byte ${position}, the file has ${fileSize} bytes`,
    );
  }
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
