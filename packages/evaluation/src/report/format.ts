/** A figure as people read it: four significant digits, no trailing zeros. */
export function formatFigure(value: number | 'NaN' | null): string {
  const number = Number(value ?? Number.NaN);
  if (value === null || Number.isNaN(number)) return '–';
  return String(Number(number.toPrecision(Math.abs(number) >= 1000 ? 5 : 4)));
}

/** `62.1 [58.0, 66.2]` */
export function formatInterval(figure: {
  readonly value: number | 'NaN';
  readonly low: number | 'NaN';
  readonly high: number | 'NaN';
}): string {
  return `${formatFigure(figure.value)} [${formatFigure(figure.low)}, ${formatFigure(figure.high)}]`;
}

/** `62.1 %` of a share, 0..1. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `95 %` of a level of confidence, 0..1. */
export function formatLevel(level: number): string {
  return `${formatFigure(level * 100)} %`;
}
