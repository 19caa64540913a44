/**
 * Rows of a `side`-wide position table for `count` patches along an axis: fractions bucketed with float32 boundaries.
 *
 * @source transformers `modeling_idefics2.py` (`torch.bucketize` of `torch.arange` values, in blocks of 16)
 */
export function bucketIds(count: number, side: number): readonly number[] {
  const step = 1 / side;
  const boundaries = arange(step, step, Math.ceil((1 - step) / step));
  const fractions = arange(0, Math.fround(1 / count), count);
  return fractions.map((fraction) => boundaries.filter((boundary) => boundary <= fraction).length);
}

function arange(start: number, step: number, count: number): readonly number[] {
  const blocked = Math.floor(count / 16) * 16;
  return Array.from({ length: count }, (_, i) => {
    if (i >= blocked) return Math.fround(start + step * i);
    const base = Math.fround(start + step * (Math.floor(i / 8) * 8));
    return Math.fround(base + (i % 8) * step);
  });
}
