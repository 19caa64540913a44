import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GOLDEN, goldenImages, PILLOW, readJson, sha256 } from '../test/golden.js';
import { noise, type PillowCases } from '../test/pillow-cases.js';
import { decodeImage, planSlices, preprocess, resizeBicubic, sliceImage, toPatches } from './index.js';

/** The float32 values of an .npy file of version 1 in C order, and its shape. */
const readNpy = (path: string): { shape: number[]; values: Float32Array } => {
  const bytes = readFileSync(path);
  const headerEnd = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, headerEnd);
  const shape = [...(/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '').matchAll(/\d+/g)].map(Number);
  return { shape, values: new Float32Array(bytes.buffer.slice(bytes.byteOffset + headerEnd)) };
};

describe.each(goldenImages)('$file', (golden) => {
  it('decodes, cuts and normalises to the same bytes as Pillow and NumPy', async () => {
    const image = await decodeImage(`${GOLDEN}images/${golden.file}`, { mode: 'exact' });
    expect([image.width, image.height]).toEqual(golden.size);
    expect(sha256(image.data)).toBe(golden.rgb_sha256);

    const slices = sliceImage(image);
    expect(slices.map(({ width, height }) => [width, height])).toEqual(golden.slices.map(({ size }) => size));
    expect(slices.map(({ data }) => sha256(data))).toEqual(golden.slices.map((slice) => slice.rgb_sha256));

    const inputs = await preprocess(image);
    const tensors = golden.slices.map((slice) => [slice.tgt_size, slice.tensor_sha256]);
    expect(inputs.slices.map(({ targetSize, pixelValues }) => [targetSize, sha256(pixelValues)])).toEqual(tensors);
    expect(slices.map((slice) => toPatches(slice)).map(({ pixelValues }) => sha256(pixelValues))).toEqual(
      golden.slices.map((slice) => slice.tensor_sha256),
    );
    expect(inputs.plan).toEqual(planSlices(...golden.size));
  });
});

it.each(goldenImages.filter(({ decoded }) => decoded !== undefined))(
  '$file is the same from the lossless copy of its pixels',
  async ({ decoded, rgb_sha256: expected }) => {
    const image = await decodeImage(`${GOLDEN}${decoded}`, { mode: 'exact' });
    expect(sha256(image.data)).toBe(expected);
  },
);

const samples = goldenImages.flatMap(({ file, slices }) =>
  slices.flatMap(({ npy }, index) => (npy === undefined ? [] : [{ file, index, npy }])),
);

it.each(samples)('slice $index of $file has the sampled patch values', async ({ file, index, npy }) => {
  const { slices } = await preprocess(`${GOLDEN}images/${file}`, { mode: 'exact' });
  const { shape, values } = readNpy(`${GOLDEN}${npy}`);
  const [channels = 0, rows = 0, columns = 0] = shape;
  const { pixelValues } = slices[index]!;
  const line = pixelValues.length / (channels * rows);
  const sampled = Array.from({ length: channels * rows }, (_, row) =>
    pixelValues.subarray(row * line, row * line + columns),
  );
  const differing = sampled.filter((part, row) => part.some((value, x) => value !== values[row * columns + x]));
  expect(differing).toEqual([]);
});

const pillow = readJson<PillowCases>(`${PILLOW}expected.json`);

describe('files of unusual make', () => {
  it.each(pillow.decoded)('$file is decoded as Pillow decodes it', async ({ file, size, sha256: expected }) => {
    const image = await decodeImage(`${PILLOW}files/${file}`, { mode: 'exact' });
    expect([image.width, image.height]).toEqual(size);
    expect(sha256(image.data)).toBe(expected);
  });
});

describe('resizeBicubic', () => {
  it.each(pillow.resized)(
    'brings $from to $to as Pillow does',
    ({ seed, from: [width, height], to, sha256: expected }) => {
      const resized = resizeBicubic({ width, height, data: noise(seed, width * height * 3) }, ...to);
      expect([resized.width, resized.height]).toEqual(to);
      expect(sha256(resized.data)).toBe(expected);
    },
  );
});
