import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { PreTokenizer } from './pre-tokenizer.js';

// The published expression; only the group that ignores case is spelled out, as Node 20 has no modifiers.
const REFERENCE =
  /'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu;

// Characters that every engine classifies alike; U+0085 and U+FEFF, which \s has wrong, are left to the golden files.
const ALPHABET = [
  ..." \t\r\n\v\u00a0\u3000'’sStTmMdDrReEvVlLſxé漢字١½Ⅷ9.,!?-_<|>\u0301\u200b\u200d",
  '  ',
  '\r\n',
  "'s",
  "'LL",
  "'ve",
  '😀',
  '👍🏽',
  '𝟓',
  '𐐷',
  '\ud800',
  '\udc00',
  '\ufffd',
];

const preTokenizer = new PreTokenizer();

function split(text: string): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = preTokenizer.pieceEnd(text, start, text.length);
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

it('cuts text where the published expression cuts it', () => {
  const texts = fc.array(fc.constantFrom(...ALPHABET), { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(texts, (text) => {
      expect(split(text)).toEqual(text.match(REFERENCE) ?? []);
    }),
    { numRuns: 5000 },
  );
});

it('takes the end of a range for the end of the text', () => {
  expect(preTokenizer.pieceEnd('   x', 0, 3)).toBe(3);
  expect(preTokenizer.pieceEnd("'re", 0, 2)).toBe(2);
  expect(preTokenizer.pieceEnd('1234', 0, 2)).toBe(2);
  expect(preTokenizer.pieceEnd('a😀', 1, 2)).toBe(2);
});
