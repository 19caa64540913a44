import { describe, expect, it } from 'vitest';
import { Llama3Tokenizer } from './index.js';

const tokenizer = await Llama3Tokenizer.load();
const MEGABYTE = 2 ** 20;
// Of processor time, so that a busy machine does not matter. Prose takes about 0.1 s, anything quadratic takes minutes.
const LIMIT_MS = 20_000;

function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** A deterministic sequence of numbers below `bound`. */
function randomNumbers(bound: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % bound;
  };
}

function randomText(first: number, count: number): string {
  const next = randomNumbers(count);
  return Array.from({ length: MEGABYTE }, () => String.fromCharCode(first + next())).join('');
}

const inputs: Record<string, string> = {
  'one letter': 'a'.repeat(MEGABYTE),
  spaces: ' '.repeat(MEGABYTE),
  'line breaks': '\n'.repeat(MEGABYTE),
  'line breaks between spaces': ' \n'.repeat(MEGABYTE / 2),
  'line breaks before spaces': `\n${' '.repeat(62)}x`.repeat(MEGABYTE / 64),
  digits: randomText(0x30, 10),
  letters: randomText(0x61, 26),
  Cyrillic: randomText(0x430, 32),
  Han: randomText(0x4e00, 20_000),
  punctuation: randomText(0x21, 15),
  apostrophes: "'".repeat(MEGABYTE),
  'one emoji': '😀'.repeat(MEGABYTE / 2),
  'lone surrogates': '\ud800'.repeat(MEGABYTE),
  'starts of special tokens': '<|start_header_id|'.repeat(MEGABYTE / 18),
};

describe('a megabyte', () => {
  it.each(Object.entries(inputs))('of %s is encoded in bounded time', (_, text) => {
    let ids: number[] = [];
    expect(processorMs(() => (ids = tokenizer.encode(text, { special: 'allow' })))).toBeLessThan(LIMIT_MS);
    expect(tokenizer.decode(ids)).toBe(text.toWellFormed());
  });

  const pieces = ['spaces', 'line breaks between spaces', 'line breaks before spaces', 'letters'];
  it.each(pieces)('of %s is cut in bounded time', (name) => {
    const text = inputs[name]!;
    let prefix = '';
    expect(processorMs(() => (prefix = tokenizer.truncate(text, 1000)))).toBeLessThan(LIMIT_MS);
    expect(text.startsWith(prefix)).toBe(true);
    expect(tokenizer.count(prefix)).toBeLessThanOrEqual(1000);
    expect(prefix.length).toBeGreaterThan(0);
  });
});

it('gives the same ids after more words than the cache holds', () => {
  const next = randomNumbers(26);
  const word = (): string => ` ${Array.from({ length: 8 }, () => String.fromCharCode(97 + next())).join('')}`;
  const words = Array.from({ length: 150_000 }, word);
  const early = words.slice(0, 500).map((text) => tokenizer.encode(text));
  for (const text of words) tokenizer.encode(text);
  expect(words.slice(0, 500).map((text) => tokenizer.encode(text))).toEqual(early);
  expect(words.slice(-500).map((text) => tokenizer.decode(tokenizer.encode(text)))).toEqual(words.slice(-500));
});
