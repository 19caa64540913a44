import { ModelFormatError } from '@pocketlens/backend';

/** One field of a protobuf message: a number, or the bytes of a text, a message or a fixed-width value. */
export type Field =
  | { readonly number: number; readonly wire: typeof VARINT; readonly value: bigint }
  | {
      readonly number: number;
      readonly wire: typeof FIXED64 | typeof BYTES | typeof FIXED32;
      readonly value: Uint8Array;
    };

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const MAX_VARINT_BYTES = 10;

/**
 * The fields of a message, in order; their bytes are views of the input.
 *
 * @throws {ModelFormatError} `MODEL_HEADER` for bytes that are no message
 * @source https://protobuf.dev/programming-guides/encoding/
 */
export function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = bytes[position++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw notAMessage();
  };
  const take = (length: number): Uint8Array => {
    if (!(length <= bytes.length - position)) throw notAMessage();
    position += length;
    return bytes.subarray(position - length, position);
  };
  while (position < bytes.length) {
    const key = Number(varint());
    const [number, wire] = [Math.floor(key / 8), key % 8];
    if (wire === VARINT) fields.push({ number, wire, value: varint() });
    else if (wire === BYTES) fields.push({ number, wire, value: take(Number(varint())) });
    else if (wire === FIXED32) fields.push({ number, wire, value: take(4) });
    else if (wire === FIXED64) fields.push({ number, wire, value: take(8) });
    else throw notAMessage();
  }
  return fields;
}

/** The bytes of a message with these fields. */
export function writeFields(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { number, wire, value } of fields) {
    parts.push(varintBytes(BigInt(number * 8 + wire)));
    if (typeof value === 'bigint') parts.push(varintBytes(value));
    else parts.push(...(wire === BYTES ? [varintBytes(BigInt(value.length))] : []), value);
  }
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

export const integerField = (number: number, value: number): Field => ({ number, wire: VARINT, value: BigInt(value) });

export const bytesField = (number: number, value: Uint8Array): Field => ({ number, wire: BYTES, value });

export const textField = (number: number, text: string): Field => bytesField(number, new TextEncoder().encode(text));

export const messageField = (number: number, fields: readonly Field[]): Field =>
  bytesField(number, writeFields(fields));

/** Texts, or undecoded messages, of the fields with a number. */
export function textsOf(fields: readonly Field[], number: number): readonly string[] {
  return fields.flatMap((field) =>
    field.number === number && typeof field.value !== 'bigint' ? [new TextDecoder().decode(field.value)] : [],
  );
}

/** Replaces the first message with a number by what `change` makes of its fields. */
export function changeMessage(
  fields: readonly Field[],
  number: number,
  change: (message: Field[]) => readonly Field[],
): Field[] {
  const index = fields.findIndex((field) => field.number === number && field.wire === BYTES);
  const field = fields[index];
  if (field === undefined || typeof field.value === 'bigint') throw notAMessage();
  return fields.with(index, messageField(number, change(readFields(field.value))));
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return Uint8Array.of(...bytes, low);
    bytes.push(low | 0x80);
  }
}

function notAMessage(): ModelFormatError {
  return new ModelFormatError('MODEL_HEADER', 'the decoder graph is not an ONNX file', {
    hint: 'The file is damaged: convert or download the model again.',
  });
}
