import { InvalidArgumentError } from '@pocketlens/backend';

/** The capacity of a new sequence: what is asked for, by default everything. Throws `InvalidArgumentError`. */
export function checkCapacity(capacity: number | undefined, maxPositions: number): number {
  const wanted = capacity ?? maxPositions;
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= maxPositions) return wanted;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `capacity must be a whole number in 1..${maxPositions}, received ${wanted}`,
  );
}

/** Throws `InvalidArgumentError` unless a sequence of `held` positions can be cut to `length`. */
export function checkTruncation(length: number, held: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= held) return;
  throw new InvalidArgumentError('ARGUMENT_RANGE', `cannot truncate ${held} positions to ${length}`);
}
