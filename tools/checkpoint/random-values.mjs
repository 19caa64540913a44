// Seeded float16 values at the speed of the disk: one block of random numbers, read from a different place for each tensor.

/** A prime, so that no two rows of any matrix start at the same place of the block. */
const BLOCK_VALUES = 4_194_301;
const WEIGHT_DEVIATION = 0.02;
/** One weight in a thousand is far outside the bell, as in trained models. */
const TAIL_PART = 1 / 1000;
const TAIL_FACTOR = 5;
/** One channel in 512 of a norm is an outlier: what makes quantised activations hard. */
const OUTLIER_PART = 1 / 512;
const OUTLIER_GAIN = 8;

/** Random numbers in [0, 1). @source Mulberry32, Tommy Ettinger, public domain */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed numbers, by Box and Muller. */
function normalNumbers(random) {
  let spare;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** Bits of the nearest float16 of a value of ordinary size (2^-24 to 65504), ties to even; smaller ones become zero. */
export function toFloat16(value) {
  float[0] = value;
  const bits = floatBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 255) - 112;
  const mantissa = bits & 0x7fffff;
  if (exponent >= 1) {
    const rounded = (exponent << 10) | (mantissa >>> 13);
    const rest = mantissa & 0x1fff;
    return sign | (rounded + Number(rest > 0x1000 || (rest === 0x1000 && (rounded & 1) === 1)));
  }
  return sign | Math.round(Math.abs(value) * 2 ** 24);
}

/** Where the values of tensors come from. */
export class RandomValues {
  #random;
  #normal;
  #block;

  constructor(seed) {
    this.#random = randomNumbers(seed);
    this.#normal = normalNumbers(this.#random);
    // Twice in a row, so that every stretch of up to one block is contiguous.
    const twice = new Uint16Array(2 * BLOCK_VALUES);
    for (let i = 0; i < BLOCK_VALUES; i++) twice[i] = toFloat16(this.#weight());
    twice.copyWithin(BLOCK_VALUES, 0, BLOCK_VALUES);
    this.#block = Buffer.from(twice.buffer);
  }

  #weight() {
    const tail = this.#random() < TAIL_PART ? TAIL_FACTOR : 1;
    return this.#normal() * WEIGHT_DEVIATION * tail;
  }

  /** Pieces of the bytes of one tensor, in order. They are views: write them before asking for the next. */
  *bytes({ kind, shape }) {
    const count = shape.reduce((product, side) => product * side, 1);
    if (kind === 'gain') {
      yield this.#gains(count);
      return;
    }
    let at = Math.floor(this.#random() * BLOCK_VALUES);
    for (let left = count; left > 0;) {
      const taken = Math.min(left, BLOCK_VALUES);
      yield this.#block.subarray(2 * at, 2 * (at + taken));
      at = (at + taken) % BLOCK_VALUES;
      left -= taken;
    }
  }

  /** Gains of a norm: about 1, some of them large. */
  #gains(count) {
    const values = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const outlier = this.#random() < OUTLIER_PART ? OUTLIER_GAIN : 1;
      values[i] = toFloat16((1 + 0.1 * this.#normal()) * outlier);
    }
    return Buffer.from(values.buffer);
  }
}
