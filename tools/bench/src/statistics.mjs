// Medians over rounds, and ratios of what was measured in the same round.

export function median(values) {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * One row per measurement: for each peer the median, and the median over the rounds of reference / peer (above 1 = faster
 * than the reference).
 *
 * @param samples - [{ peer, round, key, value }]; a smaller value is better
 * @param references - peers to compare with; the first that has the measurement is the row's reference
 */
export function compare(samples, references) {
  const keys = [...new Set(samples.map(({ key }) => key))];
  return keys.map((key) => {
    const ofKey = samples.filter((sample) => sample.key === key);
    const peers = [...new Set(ofKey.map(({ peer }) => peer))];
    const reference = references.find((name) => peers.includes(name));
    const valueOf = (peer, round) => ofKey.find((sample) => sample.peer === peer && sample.round === round)?.value;
    const rounds = [...new Set(ofKey.map(({ round }) => round))];
    const cells = peers.map((peer) => {
      const ratios = rounds.map((round) => {
        const [theirs, ours] = [reference && valueOf(reference, round), valueOf(peer, round)];
        return theirs > 0 && ours > 0 ? theirs / ours : undefined;
      });
      const values = rounds.map((round) => valueOf(peer, round));
      return {
        peer,
        value: median(values),
        ratio: median(ratios),
        rounds: values.filter((v) => v !== undefined).length,
      };
    });
    return { key, reference, cells };
  });
}
