import { ModelFormatError } from '../errors.js';

/** A field of a protobuf message. */
export interface ProtobufField {
  readonly number: number;
  /** Set for varints and fixed-size numbers. */
  readonly integer?: bigint;
  /** Set for strings, bytes, packed lists and messages. */
  readonly bytes?: Uint8Array;
}

const MAX_VARINT_BYTES = 10;

/**
 * Yields the fields of one message, without going into inner messages.
 *
 * @param message - the encoded message, at any place of its buffer
 * @param label - name of the file for messages
 * @throws {ModelFormatError} `MODEL_HEADER` with the offset, for a cut number, a field past the end, or a wire type
 *   that ONNX does not use
 * @source https://protobuf.dev/programming-guides/encoding/
 */
export function* readFields(message: Uint8Array, label: string): Generator<ProtobufField> {
  const cursor = { bytes: message, position: 0, label };
  while (cursor.position < message.byteLength) {
    const tag = readVarint(cursor);
    const number = Number(tag >> 3n);
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, integer: readVarint(cursor) };
        break;
      case 1:
        yield { number, integer: readFixed(cursor, 8) };
        break;
      case 2:
        yield { number, bytes: take(cursor, readVarint(cursor)) };
        break;
      case 5:
        yield { number, integer: readFixed(cursor, 4) };
        break;
      default:
        throw malformed(cursor, `wire type ${tag & 7n}`);
    }
  }
}

/** The numbers of a repeated integer field, packed or not. */
export function readPackedIntegers(field: ProtobufField, label: string): readonly bigint[] {
  if (field.integer !== undefined) return [field.integer];
  const cursor = { bytes: field.bytes ?? new Uint8Array(), position: 0, label };
  const values: bigint[] = [];
  while (cursor.position < cursor.bytes.byteLength) values.push(readVarint(cursor));
  return values;
}

interface Cursor {
  readonly bytes: Uint8Array;
  position: number;
  readonly label: string;
}

function readVarint(cursor: Cursor): bigint {
  let value = 0n;
  for (let index = 0; index < MAX_VARINT_BYTES; index++) {
    const byte = cursor.bytes[cursor.position];
    if (byte === undefined) throw malformed(cursor, 'a number is cut');
    cursor.position++;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw malformed(cursor, `a number longer than ${MAX_VARINT_BYTES} bytes`);
}

function readFixed(cursor: Cursor, size: 4 | 8): bigint {
  return take(cursor, BigInt(size)).reduceRight<bigint>((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function take(cursor: Cursor, length: bigint): Uint8Array {
  const left = cursor.bytes.byteLength - cursor.position;
  if (length > BigInt(left)) throw malformed(cursor, `a field of ${length} bytes with ${left} left`);
  const start = cursor.position;
  cursor.position += Number(length);
  return cursor.bytes.subarray(start, cursor.position);
}

function malformed({ bytes, position, label }: Cursor, what: string): ModelFormatError {
  return new ModelFormatError(
    'MODEL_HEADER',
    `${label}: not an ONNX file: ${what} at offset ${bytes.byteOffset + position}`,
  );
}
