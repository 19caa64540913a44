import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** The same seed gives the same numbers, on every machine. */
export interface Random {
  /** A whole number from 0 to `count` - 1, each as likely as the others. */
  below(count: number): number;
}

/** @param seed - an integer; only its lowest 32 bits count */
export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  return { below: (count) => uniformInt(generator, 0, count - 1) };
}
