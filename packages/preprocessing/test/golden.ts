import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Values that Pillow 10.1 and NumPy computed; its README says how. */
export const GOLDEN: string = new URL('../../../tools/golden/preprocessing/', import.meta.url).pathname;

/** Small pictures of unusual make and what Pillow reads from them; `make_cases.py` beside them made both. */
export const PILLOW: string = new URL('./pillow/', import.meta.url).pathname;

export const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

export const sha256 = (data: ArrayBufferView): string =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');

export interface GoldenPlan {
  readonly grid: readonly [number, number] | null;
  readonly source: readonly [number, number];
  readonly refine: readonly [number, number] | null;
  readonly slice: readonly [number, number] | null;
}

export interface GoldenImage {
  readonly file: string;
  readonly size: readonly [number, number];
  readonly rgb_sha256: string;
  readonly decoded?: string;
  readonly plan: GoldenPlan;
  readonly slices: readonly {
    readonly size: readonly [number, number];
    readonly tgt_size: readonly [number, number];
    readonly rgb_sha256: string;
    readonly tensor_sha256: string;
    readonly npy?: string;
  }[];
}

export const goldenImages: readonly GoldenImage[] = readJson<{ images: GoldenImage[] }>(
  `${GOLDEN}expected.json`,
).images;
