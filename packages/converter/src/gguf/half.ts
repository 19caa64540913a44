import { convertWeights } from '../tensors/float.js';

let table: Float32Array | undefined;

/** The float32 of each of the 65,536 bit patterns of float16. */
export function halfValues(): Float32Array {
  if (table === undefined) {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const bits = convertWeights(new Uint8Array(patterns.buffer), 'F16', 'float32', 'float16');
    table = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
  }
  return table;
}

/** Reads a little-endian float16. */
export function readHalf(bytes: Uint8Array, offset: number): number {
  return halfValues()[bytes[offset]! | (bytes[offset + 1]! << 8)]!;
}
