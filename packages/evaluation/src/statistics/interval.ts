/** Bounds of a confidence interval; NaN where no resample had the figure. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The percentile interval of a bootstrap distribution: the ranks (B + 1) * alpha / 2 and (B + 1) * (1 - alpha / 2), between
 * two ranks linearly.
 *
 * @param draws - the figure in each resample; those without it (NaN) are left out
 * @source Davison and Hinkley, Bootstrap Methods and their Application (1997), section 5.3.1
 */
export function percentileInterval(draws: readonly number[], level: number): Interval {
  const sorted = draws.filter((draw) => !Number.isNaN(draw)).sort((a, b) => a - b);
  const tail = (1 - level) / 2;
  return { low: ranked(sorted, tail), high: ranked(sorted, 1 - tail) };
}

function ranked(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  // Rounded, so that a rank which is a whole number stays one.
  const rank = Math.min(Math.max(Number(((sorted.length + 1) * share).toFixed(9)) - 1, 0), sorted.length - 1);
  const below = Math.floor(rank);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (rank - below);
}

/**
 * Wilson's score interval of a share: honest where every sample, or none, was right, when resampling sees no spread at all.
 *
 * @param successes - 0..total
 * @returns bounds between 0 and 1; NaN for a total of 0
 * @source E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209
 */
export function wilsonInterval(successes: number, total: number, level: number): Interval {
  const z = normalQuantile(1 - (1 - level) / 2);
  const share = successes / total;
  const spread = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  const centre = share + (z * z) / (2 * total);
  const scale = 1 + (z * z) / total;
  return {
    low: successes === 0 ? 0 : (centre - spread) / scale,
    high: successes === total ? 1 : (centre + spread) / scale,
  };
}

/**
 * The point below which a share of the standard normal distribution lies.
 *
 * @param share - between 0 and 1, both excluded
 * @source P. J. Acklam's rational approximation; relative error below 1.2e-9
 */
export function normalQuantile(share: number): number {
  const q = Math.min(share, 1 - share);
  const sign = share < 0.5 ? -1 : 1;
  if (q > 0.02425) {
    const r = (q - 0.5) * (q - 0.5);
    return -sign * ((polynomial(CENTRE_ABOVE, r) * (q - 0.5)) / (polynomial(CENTRE_BELOW, r) * r + 1));
  }
  const t = Math.sqrt(-2 * Math.log(q));
  return -sign * (polynomial(TAIL_ABOVE, t) / (polynomial(TAIL_BELOW, t) * t + 1));
}

const CENTRE_ABOVE = [
  -39.6968302866538, 220.946098424521, -275.928510446969, 138.357751867269, -30.6647980661472, 2.50662827745924,
];
const CENTRE_BELOW = [-54.4760987982241, 161.585836858041, -155.698979859887, 66.8013118877197, -13.2806815528857];
const TAIL_ABOVE = [
  -0.00778489400243029, -0.322396458041136, -2.40075827716184, -2.54973253934373, 4.37466414146497, 2.93816398269878,
];
const TAIL_BELOW = [0.00778469570904146, 0.32246712907004, 2.445134137143, 3.75440866190742];

// Horner's scheme, the highest power first.
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
