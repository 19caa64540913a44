import type { ChannelValues } from './config.js';
import { acquireKernel, releaseKernel } from './resize/kernel.js';

/**
 * Normalises a row of RGB pixels, `(x / 255 - mean) / std` with each step rounded to float32, and parts its channels: red goes to index `at`
 * of `target`, green to `at + plane`, blue to `at + 2 * plane`.
 */
export type NormalizeRow = (pixels: Uint8Array, target: Float32Array, at: number, plane: number) => void;

/** The 256 possible values of a channel. */
const normalizationTable = (mean: number, std: number): Float32Array => {
  const [mean32, std32] = [Math.fround(mean), Math.fround(std)];
  return Float32Array.from({ length: 256 }, (_, byte) =>
    Math.fround(Math.fround(Math.fround(byte / 255) - mean32) / std32),
  );
};

/** By a table for each channel, in plain JavaScript. */
export const tableNormalizer = (mean: ChannelValues, std: ChannelValues): NormalizeRow => {
  const [red, green, blue] = [0, 1, 2].map((channel) => normalizationTable(mean[channel]!, std[channel]!)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return (pixels, target, at, plane) => {
    for (let read = 0, write = at; read < pixels.length; read += 3, write++) {
      target[write] = red[pixels[read]!]!;
      target[write + plane] = green[pixels[read + 1]!]!;
      target[write + 2 * plane] = blue[pixels[read + 2]!]!;
    }
  };
};

const VECTOR_BYTES = 16;

const aligned = (bytes: number): number => Math.ceil(bytes / VECTOR_BYTES) * VECTOR_BYTES;

/** By dividing, four pixels at a time; null where SIMD is missing. Division rounds as the tables do. */
export const simdNormalizer = (mean: ChannelValues, std: ChannelValues): NormalizeRow | null => {
  const probe = acquireKernel(0);
  if (probe === null) return null;
  releaseKernel(probe);
  const constants = new Uint8Array(Float32Array.of(...mean, ...std).buffer);
  const source = aligned(constants.length);
  let byTable: NormalizeRow | undefined;
  return (pixels, target, at, plane) => {
    const width = pixels.length / 3;
    const planes = source + aligned(pixels.length + VECTOR_BYTES);
    const planeBytes = aligned(width * Float32Array.BYTES_PER_ELEMENT);
    const kernel = acquireKernel(planes + 3 * planeBytes);
    if (kernel === null) {
      byTable ??= tableNormalizer(mean, std);
      return byTable(pixels, target, at, plane);
    }
    const memory = new Uint8Array(kernel.memory.buffer);
    memory.set(constants);
    memory.set(pixels, source);
    kernel.normalizeRow(source, planes, planeBytes, width, 0);
    for (let channel = 0; channel < 3; channel++) {
      target.set(new Float32Array(memory.buffer, planes + channel * planeBytes, width), at + channel * plane);
    }
    return releaseKernel(kernel);
  };
};

/** The fastest normaliser that there is here; all give the same bits. */
export const createNormalizer = (mean: ChannelValues, std: ChannelValues): NormalizeRow =>
  simdNormalizer(mean, std) ?? tableNormalizer(mean, std);
