// How far two models are apart.

/** Kullback-Leibler divergence of the second distribution from the first, in nats, and whether both have one favourite. */
export function comparePosition(exact, other) {
  const [p, q] = [logSoftmax(exact), logSoftmax(other)];
  let divergence = 0;
  for (let i = 0; i < p.length; i++) divergence += Math.exp(p[i]) * (p[i] - q[i]);
  return { divergence: Math.max(0, divergence), agrees: favourite(exact) === favourite(other) };
}

function favourite(logits) {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

function logSoftmax(logits) {
  const top = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const total = logits.reduce((sum, value) => sum + Math.exp(value - top), 0);
  return Float64Array.from(logits, (value) => value - top - Math.log(total));
}

/** Characters to insert, delete or change, over the reference's length; a runaway answer costs at most 1. */
export function characterErrors(answer, reference) {
  const [a, b] = [answer, reference].map((text) => [...normalise(text)]);
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, character] of a.entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + (character === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return { errors: Math.min(row[b.length], b.length), length: b.length };
}

function normalise(text) {
  return text
    .normalize('NFC')
    .trim()
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/ ?\n ?/g, '\n');
}

/** Mean, and the value below which a share lies. */
export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
}
