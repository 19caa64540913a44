import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGolden } from '../test/golden.js';
import { mergeNaively, parseRankFile } from '../test/tokenizer-file.js';
import { Llama3Tokenizer } from './index.js';

const tokenizer = await Llama3Tokenizer.load();
const specialNames = [...tokenizer.specialTokens.keys()];

const unicode = fc.string({ unit: 'binary', maxLength: 60 });
const words = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', '\n', '\r\n', '  ', "'s", '12345', 'the', ' việc', '😀', '👩‍👩‍👧', 'é', 'ﬆ', '\ufeff', '\u0085'),
      fc.constantFrom(...specialNames.slice(0, 12)),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));
/** Every string that JavaScript can hold, lone surrogates too. */
const anyText = fc.oneof(
  unicode,
  words,
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
);
const policy = fc.constantFrom('text' as const, 'allow' as const);
const runs = { numRuns: 1500 };

describe('for every text', () => {
  it('decode gives back what was encoded', () => {
    fc.assert(
      fc.property(anyText, policy, (text, special) => {
        expect(tokenizer.decode(tokenizer.encode(text, { special }))).toBe(text.toWellFormed());
      }),
      runs,
    );
  });

  it('no control token comes out by default', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.encode(text).every((id) => id < 128_000)).toBe(true);
      }),
      runs,
    );
  });

  it('count is the number of ids', () => {
    fc.assert(
      fc.property(anyText, policy, fc.boolean(), (text, special, bos) => {
        expect(tokenizer.count(text, { special, bos })).toBe(tokenizer.encode(text, { special, bos }).length);
      }),
      runs,
    );
  });

  it('offsets cover the text without gaps', () => {
    fc.assert(
      fc.property(anyText, policy, (text, special) => {
        const offsets = tokenizer.offsets(text, { special });
        expect(offsets.map(({ id }) => id)).toEqual(tokenizer.encode(text, { special }));
        const bytes = new TextEncoder().encode(text);
        let [unit, byte] = [0, 0];
        for (const { start, end, byteStart, byteEnd } of offsets) {
          expect(byteStart).toBe(byte);
          expect(start).toBeLessThanOrEqual(unit);
          expect(end).toBeGreaterThanOrEqual(unit);
          // The characters of a token are exactly those that its bytes touch.
          expect(new TextEncoder().encode(text.slice(0, start)).length).toBeLessThanOrEqual(byteStart);
          expect(new TextEncoder().encode(text.slice(0, end)).length).toBeGreaterThanOrEqual(byteEnd);
          [unit, byte] = [end, byteEnd];
        }
        expect([unit, byte]).toEqual([text.length, bytes.length]);
      }),
      runs,
    );
  });

  it('truncate gives a prefix of whole characters within the limit', () => {
    fc.assert(
      fc.property(anyText, fc.nat(30), policy, (text, limit, special) => {
        const prefix = tokenizer.truncate(text, limit, { special });
        expect(text.startsWith(prefix)).toBe(true);
        expect(tokenizer.count(prefix, { special })).toBeLessThanOrEqual(limit);
        const rest = text.slice(prefix.length);
        expect(prefix.toWellFormed() + rest.toWellFormed()).toBe(text.toWellFormed());
        expect(prefix === text).toBe(tokenizer.count(text, { special }) <= limit);
      }),
      runs,
    );
  });
});

describe('for every sequence of ids', () => {
  it('the stream gives the same text as decode', () => {
    const ids = fc.array(fc.oneof(fc.nat(255), fc.nat(128_255)), { maxLength: 40 });
    fc.assert(
      fc.property(ids, fc.boolean(), (ids, skipSpecial) => {
        const stream = tokenizer.stream({ skipSpecial });
        const text = ids.map((id) => stream.push(id)).join('') + stream.end();
        expect(text).toBe(tokenizer.decode(ids, { skipSpecial }));
      }),
      runs,
    );
  });
});

describe('for every piece', () => {
  const ranks = new Map(parseRankFile(readGolden('llama3.tiktoken')).map((token, id) => [token, id]));
  const runOf = (...characters: string[]): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...characters), { minLength: 1, maxLength: 200 }).map((parts) => parts.join(''));
  const letters = runOf(...'aetheringsotABC', 'я', 'ж', '漢', 'ę', 'ệ');
  // Neighbours that tokens join and neighbours that none does, and tokens that reach into half a character.
  const wideLetters = runOf(
    ...'的一是不了在人有我中国函数返回更新数据しました事件ありがとう있습니다니다แม่ี',
    'é',
    'việc',
    '𝔸',
    '龘',
  );
  const symbols = runOf(
    ...'。，！？—…“”！─│★♥→',
    '\ufe0f',
    '\u200d',
    '\ud800',
    '\udc00',
    '!',
    '😀',
    '😂',
    '👍🏽',
    '👩‍💻',
    '🇩🇪',
  );
  // Long tokens leave no place to join windows.
  const repeated = fc
    .tuple(
      fc.constantFrom(' ', 'a', 'ab', 'аб', '=', '=-', '—', '😀', '\ufffd', '漢', 'ー', '\u00a0'),
      fc.integer({ min: 1, max: 400 }),
    )
    .map(([unit, count]) => unit.repeat(count));

  it.each([
    ['letters', letters],
    ['letters of three bytes', wideLetters],
    ['symbols', symbols],
    ['one thing repeated', repeated],
  ])('ids of %s are those of the definition of byte-pair merging', (_, pieces) => {
    fc.assert(
      fc.property(pieces, (piece) => {
        const bytes = String.fromCharCode(...new TextEncoder().encode(piece));
        const whole = ranks.get(bytes);
        expect(tokenizer.encode(piece)).toEqual(whole === undefined ? mergeNaively(bytes, ranks) : [whole]);
      }),
      { numRuns: 100 },
    );
  });
});

describe('truncate', () => {
  it('handles the ends of its range', () => {
    expect(tokenizer.truncate('Hello world', 0)).toBe('');
    expect(tokenizer.truncate('Hello world', 1)).toBe('Hello');
    expect(tokenizer.truncate('Hello world', 2)).toBe('Hello world');
    expect(tokenizer.truncate('Hello world', Infinity)).toBe('Hello world');
  });

  it.each([-1, Number.NaN])('refuses %s tokens', (limit) => {
    expect(() => tokenizer.truncate('x', limit)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });
});
