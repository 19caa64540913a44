import { InvalidArgumentError } from '@pocketlens/backend';
import type { SequencePart } from '@pocketlens/backend';
import type { EmbeddingTable } from './embedding-table.js';
import { HostImageFeatures } from './image-features.js';

/** Embedding rows of the parts of one append, addressed by position. */
export class PartRows {
  readonly length: number;
  readonly #parts: readonly { readonly part: SequencePart; readonly start: number; readonly count: number }[];
  readonly #table: EmbeddingTable;
  readonly #hiddenSize: number;

  constructor(parts: readonly SequencePart[], table: EmbeddingTable, hiddenSize: number) {
    let start = 0;
    this.#parts = parts.map((part) => {
      const entry = { part, start, count: rowCount(part, hiddenSize) };
      start += entry.count;
      return entry;
    });
    this.length = start;
    this.#table = table;
    this.#hiddenSize = hiddenSize;
  }

  /** Copies rows `begin` to `end` into a new `[end - begin, hiddenSize]` array. */
  async read(begin: number, end: number): Promise<Float32Array> {
    const rows = new Float32Array((end - begin) * this.#hiddenSize);
    for (const { part, start, count } of this.#parts) {
      const first = Math.max(begin, start);
      const last = Math.min(end, start + count);
      if (first < last)
        await this.#copy(part, [first - start, last - start], rows.subarray((first - begin) * this.#hiddenSize));
    }
    return rows;
  }

  async #copy(part: SequencePart, [first, last]: readonly [number, number], target: Float32Array): Promise<void> {
    if ('ids' in part) {
      for (let i = first; i < last; i++) {
        await this.#table.copyRow(part.ids[i]!, target, (i - first) * this.#hiddenSize);
      }
      return;
    }
    const rows = hostFeatures(part.features).slice(part.slice);
    target.set(rows.subarray(first * this.#hiddenSize, last * this.#hiddenSize));
  }
}

function rowCount(part: SequencePart, hiddenSize: number): number {
  if ('ids' in part) return part.ids.length;
  const { sliceCount, queries } = part.features;
  if (hostFeatures(part.features).hiddenSize !== hiddenSize) {
    throw new InvalidArgumentError(
      'ARGUMENT_TYPE',
      `image features of width ${part.features.hiddenSize}, not ${hiddenSize}`,
    );
  }
  if (!Number.isInteger(part.slice) || part.slice < 0 || part.slice >= sliceCount) {
    throw new InvalidArgumentError('ARGUMENT_RANGE', `slice ${part.slice} of image features with ${sliceCount} slices`);
  }
  return queries;
}

function hostFeatures(features: unknown): HostImageFeatures {
  if (features instanceof HostImageFeatures) return features;
  throw new InvalidArgumentError('ARGUMENT_TYPE', 'image features must come from encodeImages of the same backend');
}
