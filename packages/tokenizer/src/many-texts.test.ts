import { setImmediate as nextTurn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { difference, readGoldenRows } from '../test/golden.js';
import { Llama3Tokenizer } from './index.js';

const tokenizer = await Llama3Tokenizer.load();
const rows = readGoldenRows<{ text: string; ids: number[] }>('encode.jsonl');
const texts = rows.map(({ text }) => text);

describe('encodeBatch', () => {
  it('puts the golden ids of all texts into one array', () => {
    const { ids, offsets } = tokenizer.encodeBatch(texts);
    expect(ids).toBeInstanceOf(Uint32Array);
    expect(offsets).toHaveLength(texts.length + 1);
    expect(Array.from(ids)).toEqual(rows.flatMap((row) => row.ids));
    const wrong = rows.filter((row, i) => offsets[i + 1]! - offsets[i]! !== row.ids.length);
    expect(wrong).toEqual([]);
  });

  it('takes the options of encode', () => {
    const batch = tokenizer.encodeBatch(['a', '', '<|eot_id|>'], { bos: true, special: 'allow' });
    expect([...batch.ids]).toEqual([128000, 64, 128000, 128000, 128009]);
    expect([...batch.offsets]).toEqual([0, 2, 3, 5]);
    const none = tokenizer.encodeBatch([]);
    expect([none.ids.length, ...none.offsets]).toEqual([0, 0]);
  });
});

describe('encodeAsync', () => {
  // Long enough for several steps, with pieces and special tokens of every kind, and pieces longer than a step.
  const long = [...texts.slice(0, 4000), 'ab'.repeat(100_000), '<|eot_id|>', ...texts.slice(4000)].join(' ');

  it.each(['text', 'allow'] as const)('gives the ids of encode under %s', async (special) => {
    const ids = await tokenizer.encodeAsync(long, { special, bos: true });
    expect(difference(ids, tokenizer.encode(long, { special, bos: true }))).toBeUndefined();
  });

  it('gives the ids of encode for any text', async () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom(...texts));
    await fc.assert(
      fc.asyncProperty(text, async (one) => {
        expect(await tokenizer.encodeAsync(one)).toEqual(tokenizer.encode(one));
      }),
      { numRuns: 100 },
    );
  });

  it('lets others run in between, other texts too', async () => {
    const state = { turns: 0, isDone: false };
    const others = (async () => {
      for (; !state.isDone; state.turns++) await nextTurn();
    })();
    const encoded = await Promise.all(
      [long, 'b'.repeat(200_000), 'c'.repeat(200_000)].map((text) => tokenizer.encodeAsync(text)),
    );
    state.isDone = true;
    await others;
    expect(state.turns).toBeGreaterThan(3);
    expect(encoded.map((ids) => ids.length)).toEqual([
      tokenizer.count(long),
      tokenizer.count('b'.repeat(200_000)),
      tokenizer.count('c'.repeat(200_000)),
    ]);
  });

  it.each([
    ['prose', long],
    ['one piece', 'ab'.repeat(500_000)],
    ['special tokens', '<|eot_id|>'.repeat(50_000)],
  ])('of %s stops when its signal fires', async (_, text) => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const work = tokenizer.encodeAsync(text, { signal: controller.signal, special: 'allow' });
    controller.abort(reason);
    await expect(work).rejects.toBe(reason);
    await expect(tokenizer.encodeAsync('x', { signal: controller.signal })).rejects.toBe(reason);
    const ids = tokenizer.encode(text.slice(0, 100_000), { special: 'allow' });
    expect(tokenizer.decode(ids)).toBe(text.slice(0, 100_000).toWellFormed());
  });

  it('refuses what encode refuses', async () => {
    const refused = expect.objectContaining({ code: 'SPECIAL_TOKEN_IN_TEXT' });
    await expect(tokenizer.encodeAsync('<|eot_id|>', { special: 'error' })).rejects.toEqual(refused);
    const noText = expect.objectContaining({ code: 'ARGUMENT_TYPE' });
    await expect(tokenizer.encodeAsync(7 as unknown as string)).rejects.toEqual(noText);
  });
});
