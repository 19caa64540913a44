import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { readLines } from './jsonl.js';

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('readLines', () => {
  it('gives the same lines however the bytes are cut', async () => {
    const line = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n') && text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1 }), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
        const bytes = new TextEncoder().encode(`${lines.join('\n')}\n`);
        // A leading byte order mark is dropped by the decoder, as everywhere.
        const expected = [lines[0]?.replace(/^\uFEFF/, ''), ...lines.slice(1)];
        expect(await collect(readLines(chunks(bytes, size)))).toEqual(expected);
      }),
    );
  });

  it('joins a line of many pieces, and looks at each piece once', async () => {
    const pieces = 4000;
    const piece = Buffer.alloc(4096, 'x');
    async function* line(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < pieces; at += 1) yield piece;
      yield Buffer.from('\nend');
    }
    const split = vi.spyOn(String.prototype, 'split');
    const lines = await collect(readLines(line()));
    const lookedAt = split.mock.contexts.reduce<number>((sum, text) => sum + String(text).length, 0);
    split.mockRestore();
    expect(lines.map((one) => one.length)).toEqual([pieces * piece.length, 3]);
    expect(lookedAt).toBeLessThan(pieces * piece.length + 100);
  });

  it('cuts at no other separator than the line feed', async () => {
    const bytes = new TextEncoder().encode('a\u2028b\u0085c\rd\ne');
    expect(await collect(readLines(chunks(bytes, 3)))).toEqual(['a\u2028b\u0085c\rd', 'e']);
  });
});
