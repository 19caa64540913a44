import { InvalidArgumentError } from '@pocketlens/backend';
import type { BackendModelV1, SliceInput } from '@pocketlens/backend';
import type { PromptUnit } from './generation/cached-sequence.js';

/** A prompt as ids, for models without a tokenizer and for comparisons with other implementations. */
export interface RawInput {
  readonly ids: readonly number[] | Uint32Array;
  /** Slices of all images, in order. */
  readonly slices?: readonly SliceInput[];
  /** Half-open runs of `ids` that the slices' embeddings replace, one for each slice, in order. */
  readonly imageBounds?: readonly (readonly [start: number, end: number])[];
}

/**
 * Encodes the slices and puts them in place of their runs.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when runs and slices are not as many, overlap, leave the ids, or are
 *   not as long as a slice has embeddings
 */
export async function rawUnits(
  model: BackendModelV1,
  { ids, slices = [], imageBounds = [] }: RawInput,
  signal?: AbortSignal,
): Promise<readonly PromptUnit[]> {
  checkBounds({ ids, slices, imageBounds }, model.config.queries);
  if (slices.length === 0) return Array.from(ids);
  const features = await model.encodeImages(slices, signal === undefined ? {} : { signal });
  const units: PromptUnit[] = [];
  let from = 0;
  for (const [slice, [start, end]] of imageBounds.entries()) {
    units.push(...ids.slice(from, start), { features, slice, identity: slice });
    from = end;
  }
  units.push(...ids.slice(from));
  return units;
}

function checkBounds({ ids, slices, imageBounds }: Required<RawInput>, queries: number): void {
  if (imageBounds.length !== slices.length) {
    throw new InvalidArgumentError('ARGUMENT_RANGE', `${imageBounds.length} image bounds for ${slices.length} slices`);
  }
  let from = 0;
  for (const [index, [start, end]] of imageBounds.entries()) {
    const isRun = Number.isInteger(start) && start >= from && end - start === queries && end <= ids.length;
    if (!isRun) {
      throw new InvalidArgumentError(
        'ARGUMENT_RANGE',
        `image bounds ${index} are [${start}, ${end}), expected ${queries} ids in order within ${from}..${ids.length}`,
      );
    }
    from = end;
  }
}
