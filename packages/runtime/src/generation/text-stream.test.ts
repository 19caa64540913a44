import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextStream } from './text-stream.js';
import type { TokenDecoder } from './text-stream.js';

/** Ids are places in a list of texts. */
const decoderOf = (pieces: readonly string[]): TokenDecoder => ({ push: (id) => pieces[id]!, end: () => '' });

function run(
  pieces: readonly string[],
  stop: readonly string[],
): { texts: string[]; ids: number[]; isStopped: boolean } {
  const stream = new TextStream(decoderOf(pieces), stop);
  const deltas = [];
  for (let id = 0; id < pieces.length && !stream.isStopped; id++) deltas.push(stream.push({ id }));
  deltas.push(stream.end());
  const given = deltas.filter((delta) => delta !== undefined);
  return {
    texts: given.map(({ text }) => text),
    ids: given.flatMap(({ tokens }) => tokens.map(({ id }) => id)),
    isStopped: stream.isStopped,
  };
}

describe('TextStream', () => {
  it('gives every piece at once without stop texts', () => {
    expect(run(['a', '', 'bc'], [])).toEqual({ texts: ['a', 'bc'], ids: [0, 1, 2], isStopped: false });
  });

  it('cuts a stop text that spans tokens and gives out nothing of it', () => {
    expect(run(['one', ' EN', 'D two'], ['END'])).toMatchObject({ texts: ['one', ' '], isStopped: true });
    expect(run(['END'], ['END'])).toMatchObject({ texts: [], isStopped: true });
  });

  it('gives out what only looked like a stop text', () => {
    expect(run(['E', 'N', 'T'], ['END'])).toMatchObject({ texts: ['ENT'], ids: [0, 1, 2], isStopped: false });
    expect(run(['x', 'EN'], ['END'])).toMatchObject({ texts: ['x', 'EN'], isStopped: false });
  });

  it('equals cutting the whole text at the earliest stop text', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), stops, (pieces, stop) => {
        const { texts, isStopped } = run(pieces, stop);
        // The earliest end decides: that stop text is complete first.
        const whole = pieces.join('');
        let length = 0;
        let cut: number | undefined;
        for (const text of pieces) {
          length += text.length;
          const places = stop.map((s) => whole.slice(0, length).indexOf(s)).filter((place) => place >= 0);
          cut ??= places.length > 0 ? Math.min(...places) : undefined;
        }
        expect(texts.join('')).toBe(whole.slice(0, cut));
        expect(isStopped).toBe(cut !== undefined);
      }),
    );
  });
});
