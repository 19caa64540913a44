import { InvalidImageError } from '../errors.js';
import type { RgbImage } from '../image.js';
import type { GifFrame } from './gif-header.js';
import { readGifFrame } from './gif-header.js';

const MAX_CODE_BITS = 12;
const MAX_CODES: number = 1 << MAX_CODE_BITS;

const damaged = (code: 'IMAGE_FORMAT' | 'IMAGE_TRUNCATED', where: string, bytes: number): InvalidImageError =>
  new InvalidImageError(code, `The GIF of ${bytes} bytes is damaged: ${where}`, {
    hint: 'Fetch or save the file again',
    details: { format: 'gif', bytes },
  });

/** The codes of an LZW stream in sub-blocks, least significant bit first. */
class CodeReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #blockEnd: number;
  #bits = 0;
  #bitCount = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#blockEnd = start;
  }

  /** The next code of `width` bits, or -1 at the end of the sub-blocks. */
  next(width: number): number {
    while (this.#bitCount < width) {
      if (this.#at === this.#blockEnd) {
        const length = this.#bytes[this.#at];
        if (length === undefined) throw damaged('IMAGE_TRUNCATED', 'its pixels end early', this.#bytes.length);
        if (length === 0) return -1;
        this.#blockEnd = this.#at + 1 + length;
        this.#at += 1;
      }
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw damaged('IMAGE_TRUNCATED', 'its pixels end early', this.#bytes.length);
      this.#bits |= byte << this.#bitCount;
      this.#bitCount += 8;
      this.#at += 1;
    }
    const code = this.#bits & ((1 << width) - 1);
    this.#bits >>>= width;
    this.#bitCount -= width;
    return code;
  }
}

/** Unpacks at most `count` palette indices. */
const unpackIndices = (bytes: Uint8Array, start: number, count: number): Uint8Array => {
  const minimumBits = bytes[start] ?? 0;
  if (minimumBits < 1 || minimumBits >= MAX_CODE_BITS)
    throw damaged('IMAGE_FORMAT', `code size ${minimumBits}`, bytes.length);
  const [clear, end] = [1 << minimumBits, (1 << minimumBits) + 1];
  const reader = new CodeReader(bytes, start + 1);
  const indices = new Uint8Array(count);
  // Each code is a string: its place in the output written so far, and its length.
  const places = new Int32Array(MAX_CODES);
  const lengths = new Int32Array(MAX_CODES);
  let [codeBits, nextCode, previous, written] = [minimumBits + 1, end + 1, -1, 0];
  while (written < count) {
    const code = reader.next(codeBits);
    if (code === -1 || code === end) break;
    if (code === clear) {
      [codeBits, nextCode, previous] = [minimumBits + 1, end + 1, -1];
      continue;
    }
    // The string that every code defines: the previous string and one index more, which is the first of the current string.
    if (previous !== -1 && nextCode < MAX_CODES) {
      const length = previous < clear ? 1 : lengths[previous]!;
      places[nextCode] = written - length;
      lengths[nextCode] = length + 1;
      nextCode += 1;
      if (nextCode === 1 << codeBits && codeBits < MAX_CODE_BITS) codeBits += 1;
    }
    if (code < clear) {
      indices[written] = code;
      written += 1;
    } else {
      if (code >= nextCode) throw damaged('IMAGE_FORMAT', 'its pixels cannot be unpacked', bytes.length);
      // One by one: the last index of a fresh string is the first that this very loop writes.
      const place = places[code]!;
      const stop = Math.min(lengths[code]!, count - written);
      for (let i = 0; i < stop; i++) indices[written + i] = indices[place + i]!;
      written += stop;
    }
    previous = code;
  }
  if (written < count) throw damaged('IMAGE_TRUNCATED', `${written} of ${count} pixels`, bytes.length);
  return indices;
};

/** Interlaced GIFs hold every 8th row from 0, every 8th from 4, every 4th from 2, every 2nd from 1. */
const rowOrder = (height: number, isInterlaced: boolean): number[] => {
  const passes: readonly (readonly [number, number])[] = isInterlaced ? [[0, 8], [4, 8], [2, 4], [1, 2]] : [[0, 1]]; // prettier-ignore
  return passes.flatMap(([first, step]) =>
    Array.from({ length: Math.max(0, Math.ceil((height - first) / step)) }, (_, i) => first + i * step),
  );
};

const GREY_RAMP = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

/**
 * RGB of all 256 indices. An index beyond the colour table is black, or its own grey where there is no table or the table itself
 * begins a ramp of greys: Pillow reads such a picture as grey.
 */
const colours = ({ palette, transparentIndex }: GifFrame, isTransparencyWhite: boolean): Uint8Array => {
  const isGrey = palette === null || palette.every((value, i) => value === GREY_RAMP[i]);
  const table = isGrey ? GREY_RAMP.slice() : new Uint8Array(768);
  if (!isGrey) table.set(palette);
  if (isTransparencyWhite && transparentIndex !== null) {
    table.fill(255, transparentIndex * 3, transparentIndex * 3 + 3);
  }
  return table;
};

/**
 * Decodes the first frame on its canvas. `exact` keeps the palette's colour under transparent pixels, as Pillow's `convert("RGB")` does
 * (the decoders of libvips and browsers lose it); `natural` makes transparent pixels and the canvas around the frame white.
 *
 * @throws {InvalidImageError} `IMAGE_TRUNCATED` or `IMAGE_FORMAT` when the pixels cannot be unpacked
 */
export const decodeGif = (bytes: Uint8Array, mode: 'natural' | 'exact'): RgbImage => {
  const frame = readGifFrame(bytes);
  const { width, height, left, top, frameWidth, frameHeight } = frame;
  const indices = unpackIndices(bytes, frame.dataStart, frameWidth * frameHeight);
  const table = colours(frame, mode === 'natural');
  const data = new Uint8Array(width * height * 3);
  if (frameWidth < width || frameHeight < height) {
    const around = (frame.transparentIndex ?? 0) * 3;
    const colour = mode === 'natural' ? [255, 255, 255] : table.subarray(around, around + 3);
    for (let i = 0; i < data.length; i += 3) data.set(colour, i);
  }
  rowOrder(frameHeight, frame.isInterlaced).forEach((y, stored) => {
    let out = ((top + y) * width + left) * 3;
    for (let i = stored * frameWidth; i < (stored + 1) * frameWidth; i++, out += 3) {
      const entry = indices[i]! * 3;
      data[out] = table[entry]!;
      data[out + 1] = table[entry + 1]!;
      data[out + 2] = table[entry + 2]!;
    }
  });
  return { width, height, data };
};
