import { InvalidArgumentError } from '../errors.js';
import { preview } from '../json.js';
import { SAFETENSORS_ELEMENT_BYTES, type SafetensorsDtype } from './header.js';

/** A tensor to be written: name, type and shape; the bytes follow later. */
export interface TensorDeclaration {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** Bytes that a tensor of this type and shape takes. */
export function tensorByteLength({ dtype, shape }: Omit<TensorDeclaration, 'name'>): number {
  return shape.reduce((product, size) => product * size, SAFETENSORS_ELEMENT_BYTES[dtype]);
}

/**
 * Encodes the start of a safetensors file: length field and padded JSON header. The tensors' bytes follow it in the
 * order given, without gaps.
 *
 * @source https://github.com/huggingface/safetensors#format
 */
export function encodeSafetensorsHeader(
  tensors: readonly TensorDeclaration[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = metadata === undefined ? [] : [['__metadata__', metadata]];
  let position = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = position + tensorByteLength({ dtype, shape });
    entries.push([name, { dtype, shape, data_offsets: [position, end] }]);
    position = end;
  }
  const json = new TextEncoder().encode(
    `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`,
  );
  const headerLength = Math.ceil(json.byteLength / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(json, 8);
  return bytes;
}

/** A tensor with its bytes, little-endian. */
export interface TensorData extends TensorDeclaration {
  readonly bytes: Uint8Array;
}

/** Encodes a whole safetensors file in memory; for small files. Larger ones begin with `encodeSafetensorsHeader`. */
export function encodeSafetensors(
  tensors: readonly TensorData[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  for (const tensor of tensors) {
    if (tensor.bytes.byteLength === tensorByteLength(tensor)) continue;
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `tensor ${preview(tensor.name)}: ${tensorByteLength(tensor)} bytes expected, got ${tensor.bytes.byteLength}`,
    );
  }
  const parts = [encodeSafetensorsHeader(tensors, metadata), ...tensors.map(({ bytes }) => bytes)];
  const file = new Uint8Array(parts.reduce((total, { byteLength }) => total + byteLength, 0));
  let position = 0;
  for (const part of parts) {
    file.set(part, position);
    position += part.byteLength;
  }
  return file;
}
