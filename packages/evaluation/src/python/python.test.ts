import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ColumnTyper, isMissing, spreadsheetText, typedCell } from './column.js';
import { listItems, parsePythonList } from './literal.js';
import { parsePythonFloat, parsePythonInteger, pythonFloatText } from './number.js';
import { codePointLength, codePoints, splitWords, strip, stripCharacters } from './text.js';

describe('text', () => {
  it('splits and strips at the white space of Python, not of JavaScript', () => {
    expect(splitWords('\u001Ca\u0085b\u3000c\uFEFFd\u200Be ')).toEqual(['a', 'b', 'c\uFEFFd\u200Be']);
    expect(strip('\u001F x \u0085')).toBe('x');
    expect(splitWords(' \n')).toEqual([]);
    expect(stripCharacters('..a.b.', '.')).toBe('a.b');
  });

  it('counts code points', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(codePointLength(text)).toBe([...text].length);
        expect([...codePoints(text)]).toEqual([...text].map((character) => character.codePointAt(0)));
      }),
    );
    expect(codePointLength('\uD83D')).toBe(1);
  });

  it('loses nothing but white space', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(splitWords(strip(text))).toEqual(splitWords(text));
        expect(strip(strip(text))).toBe(strip(text));
      }),
    );
  });
});

describe('numbers', () => {
  it('reads back every float it prints', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(parsePythonFloat(pythonFloatText(value))).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads back every integer, in the digits of any script', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.constantFrom(0x30, 0x660, 0x966, 0xff10, 0x1d7d8, 0x1d7ce), (value, zero) => {
        const text = [...String(value)]
          .map((digit) => (digit === '-' ? digit : String.fromCodePoint(zero + Number(digit))))
          .join('');
        expect(parsePythonInteger(` ${text}\n`)).toBe(value);
      }),
    );
  });

  it.each([
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.5e-7, '1.5e-07'],
    [-0, '-0.0'],
    [7, '7.0'],
  ])('prints %d as Python does', (value, text) => expect(pythonFloatText(value)).toBe(text));

  it.each(['', '1__0', '_1', '1_', '0x1', '1,0', '--1', '\u001C1', '½', '²', '−5'])('refuses %j', (text) => {
    expect(parsePythonFloat(text)).toBeUndefined();
    expect(parsePythonInteger(text)).toBeUndefined();
  });
});

describe('list literals', () => {
  it('reads texts in both kinds of quotes', () => {
    const quoted = (text: string, quote: string): string =>
      quote + text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`) + quote;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.constantFrom("'", '"'))), (items) => {
        const literal = `[${items.map(([text, quote]) => quoted(text, quote)).join(' ,\n')}]`;
        expect(parsePythonList(literal)).toEqual(items.map(([text]) => text));
      }),
    );
  });

  it.each([
    ["['a', \"b's\", 'c\\'s']", ['a', "b's", "c's"]],
    ['[1, -2.50, 1e5, True, None]', ['1', '-2.5', '100000.0', 'True', 'None']],
    ["['a' 'b', r'\\n', '\\x41\\u00e9\\101\\q']", ['ab', '\\n', 'AéA\\q']],
    ["[['x', 1], ('y',), ('z')]", ["['x', 1]", "('y',)", 'z']],
    ['[]', []],
  ])('%s', (literal, items) => expect(parsePythonList(literal)).toEqual(items));

  it.each(['a', '[a]', "['a'", "['a'] + ['b']", '(1, 2)', '[007]', "['a' 1]", '[,]', "['a\n']"])(
    '%j is no list',
    (text) => {
      expect(parsePythonList(text)).toBeUndefined();
      expect(listItems(text)).toEqual([text]);
    },
  );
});

describe('columns', () => {
  const typed = (...cells: readonly string[]): (string | null)[] => {
    const typer = new ColumnTyper();
    for (const cell of cells) typer.add(cell);
    return cells.map((cell) => typedCell(cell, typer.type));
  };

  it.each([
    [
      ['007', '+1', '-2'],
      ['7', '1', '-2'],
    ],
    [
      ['007', ''],
      ['7.0', null],
    ],
    [
      ['1', '2.50', 'inf'],
      ['1.0', '2.5', 'inf'],
    ],
    [
      ['1', 'x', 'None'],
      ['1', 'x', null],
    ],
    [
      ['true', 'FALSE'],
      ['True', 'False'],
    ],
    [
      ['1', 'true'],
      ['1', 'true'],
    ],
    [
      ['99999999999999999999', '1'],
      ['99999999999999999999', '1'],
    ],
    [
      ['', 'nan'],
      [null, null],
    ],
  ])('%j becomes %j', (cells, expected) => expect(typed(...cells)).toEqual(expected));

  it('takes only the exact words for missing', () => {
    expect(['#N/A N/A', '-1.#QNAN', 'n/a', 'NULL'].map(isMissing)).toEqual([true, true, true, true]);
    expect(['none', 'Null', ' ', 'N/A ', '#N/A N/A '].map(isMissing)).toEqual([false, false, false, false, false]);
  });

  it('spells control characters out and cuts long cells, as a spreadsheet does', () => {
    expect(spreadsheetText('a\r\nb\tc')).toBe('a_x000D_\nb\tc');
    expect(codePointLength(spreadsheetText('😀'.repeat(40_000)))).toBe(32_767);
    expect(spreadsheetText('_x0041_')).toBe('_x0041_');
  });
});
