import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { SliceInput } from '@pocketlens/backend';
import { normalize } from './golden.js';

const folder = fileURLToPath(new URL('../../tiny/', import.meta.url));
const CHANNELS = 3;

interface StoredCase {
  readonly question: string;
  readonly answer: string;
  readonly ids: readonly number[];
  readonly imageBounds: readonly (readonly [start: number, end: number])[];
  /** Patch rows and columns of each slice; their pixels lie one after the other in the file. */
  readonly targetSizes: readonly (readonly [rows: number, columns: number])[];
  readonly pixels: string;
  readonly expectedIds: readonly number[];
}

/** A question about a picture, prepared for the embedded model, and the ids of its answer. */
export interface TinyCase extends Omit<StoredCase, 'pixels' | 'targetSizes'> {
  readonly slices: readonly SliceInput[];
}

/** Questions with the greedy answers of the embedded model; `tools/conformance` of the repository makes them. */
export async function loadTinyCases(): Promise<{
  readonly cases: readonly TinyCase[];
  readonly stopIds: readonly number[];
}> {
  const { patchSize, stopIds, cases } = JSON.parse(await readFile(`${folder}cases.json`, 'utf8')) as {
    readonly patchSize: number;
    readonly stopIds: readonly number[];
    readonly cases: readonly StoredCase[];
  };
  const loaded = cases.map(async ({ pixels, targetSizes, ...rest }): Promise<TinyCase> => {
    const bytes = await readFile(`${folder}${pixels}`);
    let start = 0;
    const slices = targetSizes.map((targetSize): SliceInput => {
      const length = CHANNELS * patchSize * patchSize * targetSize[0] * targetSize[1];
      start += length;
      return { pixelValues: normalize(bytes.subarray(start - length, start)), targetSize };
    });
    return { ...rest, slices };
  });
  return { cases: await Promise.all(loaded), stopIds };
}
