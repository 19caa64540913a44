import type { TopLogits } from '@pocketlens/backend';

/** The `count` best scores of one row, descending; equal scores by ascending id. */
export function topLogits(row: Float32Array, count: number): TopLogits {
  const size = Math.min(count, row.length);
  const ids = new Uint32Array(size);
  const values = new Float32Array(size).fill(-Infinity);
  let filled = 0;
  for (let id = 0; id < row.length; id++) {
    const value = row[id]!;
    if (filled === size && !(value > values[size - 1]!)) continue;
    let at = filled < size ? filled++ : size - 1;
    for (; at > 0 && values[at - 1]! < value; at--) {
      values[at] = values[at - 1]!;
      ids[at] = ids[at - 1]!;
    }
    values[at] = value;
    ids[at] = id;
  }
  return { type: 'top', rows: 1, count: size, ids, values };
}
