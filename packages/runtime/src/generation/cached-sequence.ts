import { BackendError } from '@pocketlens/backend';
import type { AppendOptions, DenseLogits, ImageFeatures, Logits, SequencePart, SequenceV1 } from '@pocketlens/backend';
import { NO_TOKEN } from './ngram-drafter.js';

/** A position run of a prompt: one token, or the embeddings of one slice. */
export type PromptUnit =
  | number
  | {
      readonly features: ImageFeatures;
      readonly slice: number;
      /** Equal for equal embeddings, and only for these. */
      readonly identity: unknown;
    };

/** A sequence that knows what it holds, so that a prompt with the same beginning is not computed again. */
export class CachedSequence {
  readonly sequence: SequenceV1;
  #units: PromptUnit[];
  #peakLength: number;
  #isDisposed = false;

  constructor(sequence: SequenceV1, units: readonly PromptUnit[] = []) {
    this.sequence = sequence;
    this.#units = [...units];
    this.#peakLength = sequence.length;
  }

  /** Most positions that it ever held: its memory does not shrink. */
  get peakLength(): number {
    return Math.max(this.#peakLength, this.sequence.length);
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Positions at the beginning of these units that it holds already. */
  sharedLength(units: readonly PromptUnit[]): number {
    return unitsLength(units.slice(0, commonLength(this.#units, units)));
  }

  /** A copy; both go their own way afterwards. */
  fork(): CachedSequence {
    return new CachedSequence(this.sequence.fork(), this.#units);
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
    this.#truncate(reused);
    const added = units.slice(shared);
    const logits = await this.sequence.append(toParts(added), { ...options, logits: 'last' });
    this.#units.push(...added);
    return { logits: dense(logits).data, reused };
  }

  /** Appends tokens and returns their logits `[ids, vocabulary]`. */
  async append(ids: readonly number[], signal: AbortSignal | undefined): Promise<Float32Array> {
    const options: AppendOptions = {
      logits: ids.length === 1 ? 'last' : 'all',
      ...(signal === undefined ? {} : { signal }),
    };
    const logits = await this.sequence.append([{ ids }], options);
    this.#units.push(...ids);
    return dense(logits).data;
  }

  /** Takes back the last `count` units, which are tokens. */
  rewind(count: number): void {
    if (count === 0) return;
    this.#units.length -= count;
    this.#truncate(this.sequence.length - count);
  }

  /** Positions that can still be appended. */
  get room(): number {
    return this.sequence.capacity - this.sequence.length;
  }

  /** The tokens held, `NO_TOKEN` for each slice. */
  tokens(): readonly number[] {
    return this.#units.map((unit) => (typeof unit === 'number' ? unit : NO_TOKEN));
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#units = [];
    this.sequence.dispose();
  }

  #truncate(length: number): void {
    this.#peakLength = this.peakLength;
    this.sequence.truncate(length);
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
      parts.push({ features: unit.features, slice: unit.slice });
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
  return a.identity === b.identity;
}
