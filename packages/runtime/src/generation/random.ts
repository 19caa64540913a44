import { InvalidArgumentError } from '@pocketlens/backend';

const UINT32 = 2 ** 32;

/** A source of numbers in [0, 1). */
export type Random = () => number;

/**
 * A seeded generator (sfc32): the same seed gives the same numbers everywhere.
 *
 * @param seed - whole number in 0..2^53 - 1; without one the generator starts from the system's entropy
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE`
 * @source Chris Doty-Humphrey, PractRand, `sfc32`
 */
export function createRandom(seed: number = entropySeed()): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new InvalidArgumentError('ARGUMENT_RANGE', `seed must be a whole number in 0..2^53 - 1, received ${seed}`);
  }
  const state = Uint32Array.of(0, seed % UINT32, Math.floor(seed / UINT32), 1);
  const next = (): number => {
    const result = (state[0]! + state[1]! + state[3]!) >>> 0;
    state[3]! += 1;
    state[0] = state[1]! ^ (state[1]! >>> 9);
    state[1] = state[2]! + (state[2]! << 3);
    state[2] = ((state[2]! << 21) | (state[2]! >>> 11)) + result;
    return result;
  };
  // The first outputs of neighbouring seeds are alike; the author's own seeding drops fifteen.
  for (let i = 0; i < 15; i++) next();
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

function entropySeed(): number {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  return (high! >>> 11) * UINT32 + low!;
}
