import { crc32, deflateSync } from 'node:zlib';

/** Checksum of PNG chunks. */
export const crc32Of = (bytes: Uint8Array): number => crc32(bytes);

export const pngChunk = (type: string, data: Uint8Array): Uint8Array => {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32Of(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
};

export interface PngOptions {
  readonly bitDepth?: number;
  /** 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA. */
  readonly colourType?: 0 | 2 | 4 | 6;
  /** Zeros behind the last row, within the compressed data. */
  readonly extraRawBytes?: number;
  /** Value of byte `i` of the pixels, rows without their filter bytes. */
  readonly at?: (i: number) => number;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);

const header = (width: number, height: number, bitDepth: number, colourType: number): Uint8Array => {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([bitDepth, colourType], 8);
  return pngChunk('IHDR', data);
};

/** A PNG without filters and interlacing. */
export const pngFile = (width: number, height: number, options: PngOptions = {}): Uint8Array => {
  const { bitDepth = 8, colourType = 2, extraRawBytes = 0, at = (i) => (i * 37) & 255 } = options;
  const rowBytes = width * { 0: 1, 2: 3, 4: 2, 6: 4 }[colourType] * (bitDepth / 8);
  const raw = new Uint8Array((rowBytes + 1) * height + extraRawBytes);
  for (let i = 0; i < rowBytes * height; i++) raw[i + Math.floor(i / rowBytes) + 1] = at(i);
  const chunks = [
    header(width, height, bitDepth, colourType),
    pngChunk('IDAT', deflateSync(raw)),
    pngChunk('IEND', new Uint8Array()),
  ];
  return new Uint8Array(Buffer.concat([SIGNATURE, ...chunks]));
};

/** A PNG that claims any size and holds `dataBytes` bytes of nothing. */
export const pngWithHeader = (width: number, height: number, dataBytes: number): Uint8Array =>
  new Uint8Array(Buffer.concat([SIGNATURE, header(width, height, 8, 2), pngChunk('IDAT', new Uint8Array(dataBytes))]));
