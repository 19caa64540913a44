/**
 * The exact McNemar test: of the samples that only one of two runs got right, how unlikely is a split at least as uneven if
 * either run were as likely to be the one.
 *
 * @param onlyA - samples that only the first run got right
 * @param onlyB - samples that only the second run got right
 * @returns two-sided p-value of the binomial test with probability 1/2; 1 where the runs never differ
 * @source Q. McNemar, Psychometrika 12 (1947), 153; exact form: A. Agresti, Categorical Data Analysis, section 10.1
 */
export function mcnemarTest(onlyA: number, onlyB: number): number {
  const total = onlyA + onlyB;
  const fewer = Math.min(onlyA, onlyB);
  // Sums C(total, k) / 2^total for k up to `fewer`, in logarithms: the powers leave the range of a double.
  let log = -total * Math.LN2;
  let sum = Math.exp(log);
  for (let k = 1; k <= fewer; k += 1) {
    log += Math.log(total - k + 1) - Math.log(k);
    sum += Math.exp(log);
  }
  return Math.min(1, 2 * sum);
}
