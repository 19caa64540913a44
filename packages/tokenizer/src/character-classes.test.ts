import { expect, it } from 'vitest';
import { readGolden } from '../test/golden.js';
import { LETTER, NEWLINE, NUMBER, OTHER, SPACE, characterClasses } from './character-classes.js';

interface ClassRanges {
  readonly L: [number, number][];
  readonly N: [number, number][];
  readonly S: [number, number][];
}

it('equals the classes of the reference tokenizers at every code point', () => {
  const ranges = JSON.parse(new TextDecoder().decode(readGolden('unicode_classes.json'))) as ClassRanges;
  const expected = new Uint8Array(0x110000).fill(OTHER);
  for (const [value, list] of [
    [LETTER, ranges.L],
    [NUMBER, ranges.N],
    [SPACE, ranges.S],
  ] as const) {
    for (const [first, last] of list) for (let code = first; code <= last; code++) expected[code] = value;
  }
  expected[0x0a] = NEWLINE;
  expected[0x0d] = NEWLINE;
  expect(Buffer.compare(characterClasses(), expected)).toBe(0);
});
