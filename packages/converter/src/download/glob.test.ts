import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matcher } from './glob.js';

describe('matcher', () => {
  it('reads patterns as Python does', () => {
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['*.json', 'config.json', true],
      ['*.json', 'deep/down/config.json', true],
      ['*.json', 'config.json5', false],
      ['onnx/', 'onnx/model.onnx', true],
      ['onnx/', 'onnxmodel', false],
      ['model-0000[1-3]-of-*', 'model-00002-of-00007.safetensors', true],
      ['model-0000[!1-3]-of-*', 'model-00002-of-00007.safetensors', false],
      ['?.txt', 'a.txt', true],
      ['?.txt', '.txt', false],
      ['a.c', 'abc', false],
      ['[', '[', true],
      ['[]]', ']', true],
      ['*a*b*', 'xxaxxbxx', true],
      ['*a*b', 'ab-ba', false],
      ['**', 'any/thing', true],
    ];
    for (const [pattern, path, expected] of cases)
      expect([pattern, path, matcher(pattern)(path)]).toEqual([pattern, path, expected]);
  });

  it('agrees with a regular expression on stars and question marks', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (pattern, text) => {
        const source = pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]');
        expect(matcher(pattern)(text)).toBe(new RegExp(`^${source}$`).test(text));
      }),
    );
  });

  it('takes no time for patterns that make regular expressions slow', () => {
    const start = performance.now();
    expect(matcher('*a'.repeat(100) + 'b')('a'.repeat(1024))).toBe(false);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('refuses what is no pattern', () => {
    expect(() => matcher('')).toThrow(/1 to 256/);
    expect(() => matcher('a'.repeat(257))).toThrow(/1 to 256/);
  });
});
