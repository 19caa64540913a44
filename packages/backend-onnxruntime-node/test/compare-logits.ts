import type { DenseLogits } from '@pocketlens/backend';

/** Mean Kullback-Leibler divergence (nats) of rows of logits, and the share of rows with the same best id. */
export function compareLogits(
  exact: DenseLogits,
  other: DenseLogits,
): { readonly divergence: number; readonly sameBest: number } {
  const { rows, vocabSize } = exact;
  let [divergence, same] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const [p, q] = [exact, other].map(({ data }) => logSoftmax(data.subarray(row * vocabSize, (row + 1) * vocabSize)));
    divergence += p!.reduce((sum, value, id) => sum + Math.exp(value) * (value - q![id]!), 0);
    same += Number(p!.indexOf(Math.max(...p!)) === q!.indexOf(Math.max(...q!)));
  }
  return { divergence: divergence / rows, sameBest: same / rows };
}

function logSoftmax(row: Float32Array): number[] {
  const most = Math.max(...row);
  const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return Array.from(row, (value) => value - most - total);
}
