/** What `make_cases.py` wrote into `expected.json`. */
export interface PillowCases {
  readonly decoded: readonly {
    readonly file: string;
    readonly size: readonly [number, number];
    readonly sha256: string;
  }[];
  readonly resized: readonly {
    readonly seed: number;
    readonly from: readonly [number, number];
    readonly to: readonly [number, number];
    readonly sha256: string;
  }[];
}

/** The noise that `make_cases.py` makes from the same seed. */
export const noise = (seed: number, length: number): Uint8Array => {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 16) & 255;
  });
};
