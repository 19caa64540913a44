import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketIds, positionIds } from './index.js';

const golden = new URL('../../../tools/golden/model/', import.meta.url);
const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, golden), 'utf8')) as T;

describe('bucketIds', () => {
  const { side, exceptions } = read<{ side: number; exceptions: Record<string, number[]> }>('bucket_cases.json');

  it('equals the reference for every length to 1100, and 2926 and 10119', () => {
    const lengths = [...Array.from({ length: 1100 }, (_, i) => i + 1), 2926, 10119];
    for (const length of lengths) {
      const less = new Set(exceptions[length] ?? []);
      const expected = Array.from({ length }, (_, i) => Math.floor((side * i) / length) - (less.has(i) ? 1 : 0));
      expect(Array.from(bucketIds(length, side)), `length ${length}`).toEqual(expected);
    }
  });

  it('never decreases, starts at 0 and stays inside the table', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 2, max: 100 }), (count, side) => {
        const ids = bucketIds(count, side);
        expect(ids[0]).toBe(0);
        expect(ids.every((id, i) => id < side && (i === 0 || id >= ids[i - 1]!))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('positionIds', () => {
  it('numbers strips as the golden images', () => {
    const { images } = read<{ images: Record<string, { tgt_size: [number, number]; position_ids: number[] }> }>(
      'cases.json',
    );
    const { vision_config: vision } = read<{ vision_config: { image_size: number; patch_size: number } }>(
      'config.json',
    );
    const side = vision.image_size / vision.patch_size;
    for (const { tgt_size: size, position_ids: expected } of Object.values(images)) {
      const ids = positionIds(size, { side, kind: 'strip', paddedCount: size[0] * size[1] });
      expect(Array.from(ids, Number)).toEqual(expected);
    }
  });

  it('numbers grids by the bucket of the row and of the column', () => {
    const ids = positionIds([2, 3], { side: 70, kind: 'grid', paddedCount: 7 });
    const [left, middle, right] = Array.from(bucketIds(3, 70));
    const below = 70 * bucketIds(2, 70)[1]!;
    expect(Array.from(ids, Number)).toEqual([left, middle, right, below + left!, below + middle!, below + right!, 0]);
  });
});
