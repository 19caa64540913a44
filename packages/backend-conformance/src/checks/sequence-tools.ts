import type { BackendModelV1, DenseLogits, SequencePart, SequenceV1 } from '@pocketlens/backend';
import type { CheckContext } from '../check.js';
import { expectDense } from '../expect.js';
import { promptParts } from '../kit/golden.js';
import type { GoldenPrompt } from '../kit/golden.js';

/** Ordinary ids, none of them special in the golden vocabulary; other for another `shift`. */
export function someIds(count: number, shift = 0): readonly number[] {
  return Array.from({ length: count }, (_, i) => 20 + (((i + shift) * 37) % 480));
}

/** The scores of the last appended position. */
export async function lastLogits(sequence: SequenceV1, parts: readonly SequencePart[]): Promise<Float32Array> {
  return expectDense(await sequence.append(parts), 1, 'append').data;
}

/** Appends to a new sequence, and leaves nothing behind. */
export async function freshLogits(model: BackendModelV1, parts: readonly SequencePart[]): Promise<Float32Array> {
  const sequence = model.createSequence();
  try {
    return await lastLogits(sequence, parts);
  } finally {
    sequence.dispose();
  }
}

export async function allLogits(model: BackendModelV1, parts: readonly SequencePart[]): Promise<DenseLogits> {
  const sequence = model.createSequence();
  try {
    const logits = await sequence.append(parts, { logits: 'all' });
    return expectDense(logits, sequence.length, "append with logits: 'all'");
  } finally {
    sequence.dispose();
  }
}

/** Row of scores over the vocabulary. */
export function rowOf({ data, vocabSize }: DenseLogits, row: number): Float32Array {
  return data.subarray(row * vocabSize, (row + 1) * vocabSize);
}

/** The parts of a golden prompt, its images encoded in one call. */
export async function golden(
  context: CheckContext,
  prompt: GoldenPrompt,
  model?: BackendModelV1,
): Promise<readonly SequencePart[]> {
  if (prompt.images.length === 0) return [{ ids: prompt.input_ids }];
  const slices = await context.golden.slices(prompt.images);
  const features = await (model ?? (await context.model())).encodeImages(slices);
  return promptParts({ ids: prompt.input_ids, bounds: prompt.image_bounds }, features);
}

/** The best id at every step, from the logits after the prompt on. Ends after a stop id. */
export async function greedy(
  sequence: SequenceV1,
  prompt: readonly SequencePart[],
  { count, stopIds = [] }: { readonly count: number; readonly stopIds?: readonly number[] },
): Promise<number[]> {
  const ids: number[] = [];
  let parts = prompt;
  while (ids.length < count) {
    const id = best(await lastLogits(sequence, parts));
    ids.push(id);
    if (stopIds.includes(id)) break;
    parts = [{ ids: [id] }];
  }
  return ids;
}

function best(row: Float32Array): number {
  return row.reduce((most, value, id) => (value > row[most]! ? id : most), 0);
}
