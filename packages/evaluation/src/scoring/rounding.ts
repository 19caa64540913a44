/** Rounds to one decimal, halves to even, as numpy does: scaled, rounded, scaled back. */
export function roundToTenth(value: number): number {
  const scaled = value * 10;
  const floor = Math.floor(scaled);
  const isHalf = scaled - floor === 0.5;
  return (isHalf ? floor + Math.abs(floor % 2) : Math.round(scaled)) / 10;
}
