// Random strings that look for trouble: all of Unicode, the borders of the split, tokens, long runs, lone surrogates.
import { readFileSync } from 'node:fs';
import { randomNumbers } from '../checkpoint/random-values.mjs';

const GOLDEN = new URL('../golden/tokenizer/', import.meta.url);

const sentences = Object.values(JSON.parse(readFileSync(new URL('sentences.json', GOLDEN), 'utf8'))).flat();
const tokens = readFileSync(new URL('llama3.tiktoken', GOLDEN), 'latin1')
  .trimEnd()
  .split('\n')
  .map((line) => Buffer.from(line.split(' ')[0], 'base64').toString('utf8'));
/** Code points just inside and outside of letters, numbers and white space. */
const borders = Object.values(JSON.parse(readFileSync(new URL('unicode_classes.json', GOLDEN), 'utf8')))
  .filter(Array.isArray)
  .flat()
  .filter(Array.isArray)
  .flatMap(([first, last]) => [first - 1, first, last, last + 1])
  .filter((code) => code >= 0 && code <= 0x10ffff);
const SMALL = [
  ..." \t\r\n\v\f\u0085\u00a0\u2028\u3000\ufeff'’sStTmMdDrReEvVlLſKaàé漢1٣½Ⅷ.,!?-_<|>(){}\u0301\u200d\ufe0f\ufffd\0",
];
const MORE = ['\r\n', "'s", "'LL", "'ve", '  ', '😀', '👩‍👩‍👧', '🏽', '<|eot_id|>', '\ud800', '\udc00', '\udbff\udfff'];

/** The text of a seed and a number: always the same. */
export function randomText(seed, number) {
  const random = randomNumbers((seed * 0x9e3779b1 + number * 0x85ebca6b + 1) >>> 0);
  const below = (limit) => Math.floor(random() * limit);
  const pick = (list) => list[below(list.length)];
  const codePoint = () => String.fromCodePoint(below(0x110000));
  const kinds = [
    codePoint,
    () => String.fromCharCode(below(0x10000)),
    () => String.fromCodePoint(pick(borders)),
    () => pick(SMALL),
    () => pick(SMALL),
    () => pick(MORE),
    () => pick(tokens),
    () => pick(tokens),
    () => String.fromCharCode(0x20 + below(0x5f)),
    () => String.fromCharCode(pick([0x61, 0x410, 0x5d0, 0x627, 0x905, 0xe01, 0x3041, 0x4e00, 0xac00]) + below(40)),
    () => pick(MORE.concat(SMALL)).repeat(1 + below(40)),
    () => {
      const sentence = pick(sentences);
      const start = below(sentence.length);
      return sentence.slice(start, start + below(20));
    },
  ];
  // A text of one kind finds long pieces, a text of all kinds finds borders.
  const chosen = random() < 0.4 ? [pick(kinds), pick(kinds)] : kinds;
  const length = random() < 0.02 ? below(600) : below(40);
  return Array.from({ length }, () => pick(chosen)()).join('');
}
