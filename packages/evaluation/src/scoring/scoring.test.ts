import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { anlsFromDistances, levenshteinDistance, normalizedDistance, wordDistance } from './levenshtein.js';
import { matchOption } from './option-matcher.js';
import { PROFILES } from './profile.js';
import { isExactReading, isSameNumber, normalizeReading, transcriptionErrors } from './reading.js';
import { relaxedMatch } from './relaxed-accuracy.js';
import { vqaAccuracy } from './vqa-accuracy.js';
import { normalizeAnswer } from './vqa-normalize.js';

const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const profile = fc.constantFrom(...PROFILES);

describe('edit distance', () => {
  it('is a metric', () => {
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        const ab = levenshteinDistance(a, b);
        expect(ab).toBe(levenshteinDistance(b, a));
        expect(ab === 0).toBe(a === b);
        expect(levenshteinDistance(a, c)).toBeLessThanOrEqual(ab + levenshteinDistance(b, c));
        expect(ab).toBeLessThanOrEqual(Math.max([...a].length, [...b].length));
      }),
    );
  });

  it('counts one for each inserted code point', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(levenshteinDistance(a, a + b)).toBe([...b].length);
      }),
    );
  });

  it('compares whole words', () => {
    expect(wordDistance(['a', 'bb', 'c'], ['a', 'b', 'c', 'd'])).toBe(2);
    expect(wordDistance([], ['a'])).toBe(1);
  });

  it('keeps one half and drops what is below', () => {
    expect(anlsFromDistances([0.9, 0.5])).toBe(0.5);
    expect(anlsFromDistances([0.51])).toBe(0);
    expect(normalizedDistance('', '')).toBe(0);
  });
});

describe('option matching', () => {
  const options = { A: 'teddy bear', B: 'rabbit', C: 'cat', D: 'dog' };

  it('finds a bare letter and answers only with an option, "Z" or nothing', () => {
    fc.assert(
      fc.property(text, profile, fc.constantFrom('A', 'B', 'C', 'D'), (noise, rules, letter) => {
        expect(matchOption(`${letter}.`, options, rules)).toBe(letter);
        expect(['A', 'B', 'C', 'D', 'Z', false]).toContain(matchOption(noise, options, rules));
      }),
    );
  });

  it('differs between the versions where the matcher changed', () => {
    expect(PROFILES.map((rules) => matchOption('B one two three four', options, rules))).toEqual([false, 'B']);
    expect(PROFILES.map((rules) => matchOption('The answer is a cat', options, rules))).toEqual(['A', 'C']);
    expect(PROFILES.map((rules) => matchOption(`${'x '.repeat(99)}cat`, options, rules))).toEqual([false, 'C']);
  });
});

describe('short answers', () => {
  it('score by how many others said the same', () => {
    const ten = (count: number): string[] => [
      ...Array.from({ length: count }, () => 'x'),
      ...Array.from({ length: 10 - count }, (_, at) => `y${at}`),
    ];
    const scores = [0, 1, 2, 3, 4, 10].map((count) => vqaAccuracy(ten(count), 'X', 'current').score);
    const expected = [0, 0.3, 0.6, 0.9, 1, 1];
    for (const [at, score] of scores.entries()) expect(score).toBeCloseTo(expected[at]!, 12);
  });

  it('normalise to text without white space at its ends or doubled', () => {
    fc.assert(
      fc.property(text, profile, (answer, rules) => {
        const normalized = normalizeAnswer(answer, rules);
        expect(normalized).toBe(
          normalized
            .split(' ')
            .filter((word) => word !== '')
            .join(' '),
        );
      }),
    );
  });

  it('accept numbers within five per cent of the target', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.double({ min: 0.951, max: 1.049, noNaN: true }),
        (target, factor) => {
          expect(relaxedMatch(String(target), String(target * factor), 'current')).toBe(true);
          expect(relaxedMatch(String(target), String(target * (factor + 0.11)), 'current')).toBe(false);
        },
      ),
    );
  });
});

describe('reading', () => {
  it('normalises blanks and composed letters, keeps case', () => {
    expect(normalizeReading('  E\u0301a \t b \n\t c ')).toBe('Éa b\nc');
  });

  it('costs at most the reference', () => {
    fc.assert(
      fc.property(text, text, (reference, prediction) => {
        const errors = transcriptionErrors(reference, prediction + prediction + prediction);
        expect(errors.characterErrors).toBeLessThanOrEqual(errors.characters);
        expect(errors.wordErrors).toBeLessThanOrEqual(errors.words);
        expect(transcriptionErrors(reference, ` ${reference} `).characterErrors).toBe(0);
      }),
    );
    expect(transcriptionErrors('ab\ncd', 'ab cd')).toEqual({
      characterErrors: 1,
      characters: 5,
      wordErrors: 0,
      words: 2,
    });
  });

  it('ignores case and one final stop in short answers', () => {
    expect(isExactReading('Red', 'RED.')).toBe(true);
    expect(isExactReading('Straße', 'STRASSE')).toBe(true);
    expect(isExactReading('ΟΔΟΣ', 'οδος')).toBe(true);
    expect(isExactReading('red', 'red..')).toBe(false);
    expect(isExactReading('red', 'a red')).toBe(false);
  });

  it('compares the last number as a decimal', () => {
    expect(isSameNumber('12.50', 'The total is $ 12.5.')).toBe(true);
    expect(isSameNumber('1,250', '3 items: 1250.00')).toBe(true);
    expect(isSameNumber('0', '-0.0')).toBe(true);
    expect(isSameNumber('5', '-5')).toBe(false);
    expect(isSameNumber('5', 'five')).toBe(false);
    expect(isSameNumber('007', '7')).toBe(true);
  });

  it('reads back any number written with commas', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 99 }), (whole, cents) => {
        const plain = `${whole}.${String(cents).padStart(2, '0')}`;
        expect(isSameNumber(plain, `is ${whole.toLocaleString('en-US')}.${String(cents).padStart(2, '0')}0`)).toBe(
          true,
        );
      }),
    );
  });
});
