import { readFile } from 'node:fs/promises';

/** Length of the magic, the version and the header length before the header of a version 1 file. */
const PREAMBLE_BYTES = 10;
const HEADER_LENGTH_AT = 8;

/** Values of a `.npy` file of float32 or uint8, as NumPy writes them (format version 1, little-endian). */
export async function readNpy(file: string): Promise<Float32Array | Uint8Array> {
  const bytes = await readFile(file);
  const start = PREAMBLE_BYTES + bytes.readUInt16LE(HEADER_LENGTH_AT);
  const header = bytes.toString('latin1', PREAMBLE_BYTES, start);
  // A copy, so that the values begin where float32 may.
  const data = Uint8Array.from(bytes.subarray(start));
  if (header.includes("'|u1'")) return data;
  if (header.includes("'<f4'")) return new Float32Array(data.buffer);
  throw new TypeError(`${file}: expected float32 or uint8 values, found ${header.trim()}`);
}
