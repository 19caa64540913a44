import { LETTER_RANGES, NUMBER_RANGES, SPACE_RANGES } from './generated/unicode-ranges.js';

/** Anything that is no letter, number or white space: punctuation, marks, symbols, controls, unassigned. */
export const OTHER = 0;
/** `\p{L}` of Unicode 16.0. */
export const LETTER = 1;
/** `\p{N}` of Unicode 16.0. */
export const NUMBER = 2;
/** White space except carriage return and line feed. */
export const SPACE = 3;
/** Carriage return and line feed. */
export const NEWLINE = 4;

const CODE_POINTS = 0x110000;

function fillRanges(classes: Uint8Array, packed: string, value: number): void {
  let position = 0;
  const numbers = packed.split(' ');
  for (let i = 0; i < numbers.length; i += 2) {
    const first = position + parseInt(numbers[i]!, 36);
    position = first + parseInt(numbers[i + 1]!, 36);
    classes.fill(value, first, position + 1);
  }
}

function buildClasses(): Uint8Array {
  const classes = new Uint8Array(CODE_POINTS);
  fillRanges(classes, LETTER_RANGES, LETTER);
  fillRanges(classes, NUMBER_RANGES, NUMBER);
  fillRanges(classes, SPACE_RANGES, SPACE);
  classes[0x0a] = NEWLINE;
  classes[0x0d] = NEWLINE;
  return classes;
}

let shared: Uint8Array | undefined;

/**
 * The class of every code point, `Uint8Array` of length 0x110000. The table is frozen at Unicode 16.0, the version of
 * the reference tokenizers: the `\p{L}` of a JavaScript engine changes with the engine.
 */
export function characterClasses(): Uint8Array {
  shared ??= buildClasses();
  return shared;
}
