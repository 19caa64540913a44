import { USUAL_POSITIONS } from '@pocketlens/backend-onnx';

/** Numbers of threads worth comparing, ascending: powers of two, all cores, and the default. */
export function threadLadder(cores: {
  readonly physical: number;
  readonly available: number;
  readonly usual: number;
}): readonly number[] {
  const { physical, available, usual } = cores;
  const rungs = new Set([physical, available, usual]);
  for (let count = 1; count < physical; count *= 2) rungs.add(count);
  return [...rungs].sort((a, b) => a - b);
}

/** Positions of one pass of a prompt worth comparing, the usual number first. */
export const CHUNKS: readonly number[] = [USUAL_POSITIONS, USUAL_POSITIONS / 2, USUAL_POSITIONS * 2];
