import { BackendError } from '@pocketlens/backend';
import type { AppendOptions, DenseLogits, ImageFeatures, Logits, SequencePart, SequenceV1 } from '@pocketlens/backend';

/** A position run of a prompt: one token, or the embeddings of one slice. */
export type PromptUnit = number | { readonly features: ImageFeatures; readonly slice: number };

/** A sequence that knows what it holds, so that a prompt with the same beginning is not computed again. */
export class CachedSequence {
  readonly sequence: SequenceV1;
  #units: PromptUnit[] = [];

  constructor(sequence: SequenceV1) {
    this.sequence = sequence;
  }

  /**
   * Brings the sequence to exactly these units, reusing the common beginning.
   *
   * @returns logits `[1, vocabulary]` after the last unit, and how many positions were reused
   */
  async prefill(
    units: readonly PromptUnit[],
    options: Omit<AppendOptions, 'logits'> = {},
  ): Promise<{ readonly logits: Float32Array; readonly reused: number }> {
    // The last unit is always computed: its logits are not kept.
    const shared = Math.min(commonLength(this.#units, units), units.length - 1);
    this.#units.length = Math.min(shared, this.#units.length);
    const reused = unitsLength(this.#units);
    this.sequence.truncate(reused);
    const added = units.slice(shared);
    const logits = await this.sequence.append(toParts(added), { ...options, logits: 'last' });
    this.#units.push(...added);
    return { logits: dense(logits).data, reused };
  }

  /** Appends one token and returns its logits `[1, vocabulary]`. */
  async append(id: number, signal: AbortSignal | undefined): Promise<Float32Array> {
    const logits = await this.sequence.append([{ ids: [id] }], signal === undefined ? {} : { signal });
    this.#units.push(id);
    return dense(logits).data;
  }

  dispose(): void {
    this.#units = [];
    this.sequence.dispose();
  }
}

/** Positions of units. */
export function unitsLength(units: readonly PromptUnit[]): number {
  return units.reduce<number>((sum, unit) => sum + unitLength(unit), 0);
}

/** Units as the parts of one append: neighbouring tokens in one run. */
export function toParts(units: readonly PromptUnit[]): readonly SequencePart[] {
  const parts: SequencePart[] = [];
  let ids: number[] = [];
  for (const unit of units) {
    if (typeof unit === 'number') {
      if (ids.length === 0) parts.push({ ids });
      ids.push(unit);
    } else {
      parts.push(unit);
      ids = [];
    }
  }
  return parts;
}

/** The dense scores that were asked for. */
export function dense(logits: Logits): DenseLogits {
  if (logits.type === 'dense') return logits;
  throw new BackendError('BACKEND_FAILED', `expected dense logits, received ${logits.type}`);
}

function unitLength(unit: PromptUnit): number {
  return typeof unit === 'number' ? 1 : unit.features.queries;
}

function commonLength(a: readonly PromptUnit[], b: readonly PromptUnit[]): number {
  let length = 0;
  while (length < a.length && length < b.length && isSameUnit(a[length]!, b[length]!)) length++;
  return length;
}

function isSameUnit(a: PromptUnit, b: PromptUnit): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b;
  return a.features === b.features && a.slice === b.slice;
}
