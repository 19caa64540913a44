/** Lanes of a vector register in the x86 build of PyTorch whose `arange` is reproduced. */
const LANES = 8;

/**
 * `torch.arange(start, ..., step)` in float32, bit for bit as x86 builds compute it: full blocks of two
 * registers add multiples of the step to a base that was rounded to float32; the rest is computed singly.
 *
 * @source PyTorch, `aten/src/ATen/native/cpu/RangeFactoriesKernel.cpp` (`Vectorized::arange`)
 */
export function arangeFloat32(start: number, step: number, count: number): Float32Array {
  const values = new Float32Array(count);
  const blocked = Math.floor(count / (2 * LANES)) * 2 * LANES;
  for (let i = 0; i < blocked; i++) {
    const lane = i % LANES;
    values[i] = Math.fround(start + step * (i - lane)) + lane * step;
  }
  for (let i = blocked; i < count; i++) values[i] = start + step * i;
  return values;
}

/**
 * Rows (or columns) of a position table for `count` patches along one axis: `torch.bucketize(fraction, boundaries,
 * right=True)` of the fractions i / count among the boundaries 1/side, 2/side, ...
 *
 * @returns `count` numbers in 0..side - 1
 * @source transformers 4.40, `Idefics2VisionEmbeddings.forward`
 */
export function bucketIds(count: number, side: number): Uint32Array {
  const step = 1 / side;
  const boundaries = arangeFloat32(step, step, Math.ceil((1 - step) / step));
  const fractions = arangeFloat32(0, Math.fround(1 / count), count);
  return Uint32Array.from(fractions, (fraction) => countAtMost(boundaries, fraction));
}

function countAtMost(sorted: Float32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Rows of the position table for every patch of a slice.
 *
 * `strip` (version 2.5): the patches lie in one row, so only the first `side` rows of the table are used.
 * `grid` (2.6 and later): bucket of the patch row * side + bucket of the patch column.
 *
 * @param paddedCount - length of the padded strip; for `grid` the padding gets row 0
 * @source MiniCPM-V, `modeling_minicpmv.py` `get_vllm_embedding`
 */
export function positionIds(
  targetSize: readonly [rows: number, columns: number],
  options: { readonly side: number; readonly kind: 'strip' | 'grid'; readonly paddedCount: number },
): BigInt64Array {
  const { side, kind, paddedCount } = options;
  if (kind === 'strip') return BigInt64Array.from(bucketIds(paddedCount, side), BigInt);
  const [rows, columns] = targetSize;
  const rowIds = bucketIds(rows, side);
  const columnIds = bucketIds(columns, side);
  const ids = new BigInt64Array(paddedCount);
  for (let i = 0; i < rows * columns; i++) {
    ids[i] = BigInt(rowIds[Math.floor(i / columns)]! * side + columnIds[i % columns]!);
  }
  return ids;
}
