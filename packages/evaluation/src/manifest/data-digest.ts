import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { Dataset } from '../data/sample.js';
import { AbortError, DatasetError } from '../errors.js';

/**
 * SHA-256 over every row and every picture of a dataset, in order: the same questions about the same pictures have the same
 * digest, wherever their files lie. Reads the dataset once, a sample at a time.
 *
 * @returns 64 hexadecimal digits
 * @throws {DatasetError} `DATASET_IMAGE` when a picture cannot be read
 * @throws {AbortError} `ABORTED`
 */
export async function dataDigest(dataset: Dataset, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  // A length before each piece keeps pieces apart: "ab", "c" is not "a", "bc".
  const add = (piece: Uint8Array): void => void hash.update(`${piece.length}:`).update(piece);
  for await (const sample of dataset.samples()) {
    if (signal?.aborted) throw new AbortError(signal);
    const cells = Object.entries(sample.cells).sort(([a], [b]) => (a < b ? -1 : 1));
    // Where a picture lies says nothing about it.
    add(Buffer.from(JSON.stringify([sample.index, cells.filter(([column]) => column !== 'image')])));
    for (const image of await sample.images()) add(image.type === 'bytes' ? image.bytes : await read(image.path));
  }
  return hash.digest('hex');
}

async function read(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new DatasetError('DATASET_IMAGE', `Cannot read the image ${path}.`, { cause });
  });
}
