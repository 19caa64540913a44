// Six texts, always the same: made-up sentences whose words recur as in real text (Zipf's law).
import { readFileSync } from 'node:fs';
import { randomNumbers } from '../../../checkpoint/random-values.mjs';
import { CHINESE, ENGLISH, IDENTIFIERS, PICTOGRAMS } from './words.mjs';

const SENTENCES = new URL('../../../golden/tokenizer/sentences.json', import.meta.url);
const MADE_WORDS = 900;

/** Picks the items of a list by Zipf's law: the second half as often as the first, the third a third as often. */
function zipf(items, random) {
  const sums = [];
  let sum = 0;
  for (let rank = 1; rank <= items.length; rank++) sums.push((sum += 1 / rank));
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] >= wanted) high = middle;
      else low = middle + 1;
    }
    return items[low];
  };
}

const between = (random, least, most) => least + Math.floor(random() * (most - least + 1));
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** Calls `piece` until the text has so many bytes of UTF-8. */
function grow(bytes, piece) {
  const pieces = [];
  for (let length = 0; length < bytes;) {
    const next = piece();
    pieces.push(next);
    length += Buffer.byteLength(next);
  }
  return pieces.join('');
}

function sentence(random, word, { gap = ' ', end = '. ', comma = ', ' } = {}) {
  const words = Array.from({ length: between(random, 4, 18) }, () => {
    const pause = random() < 0.08 ? comma : gap;
    return word() + pause;
  }).join('');
  return capital(words.slice(0, -gap.length || undefined)) + (random() < 0.15 ? `${end.trimEnd()}\n\n` : end);
}

function english(bytes, random) {
  const word = zipf(ENGLISH, random);
  const endings = ['', '', '', '', 's', 'ed', 'ing', 'ly', 'er', "'s", 'ness', 'able'];
  const any = () => {
    if (random() < 0.03) return String(between(random, 1, 20_000));
    const base = word();
    return base.length > 3 ? base + endings[Math.floor(random() * endings.length)] : base;
  };
  return grow(bytes, () => sentence(random, any));
}

function code(bytes, random) {
  const part = zipf(IDENTIFIERS, random);
  const name = () => part() + capital(part());
  const number = () => between(random, 0, 4096);
  const lines = [
    () => `  const ${name()} = ${part()}.${name()}(${part()}, { ${part()}: ${number()} });\n`,
    () => `  if (${name()} === undefined || ${part()}.length > ${number()}) return ${part()};\n`,
    () =>
      `  for (let i = 0; i < ${name()}; i += ${between(random, 1, 8)}) {\n    ${part()}[i] = ${part()}[i + 1] ?? 0x${number().toString(16)};\n  }\n`,
    () =>
      `/** The ${part()} of a ${name()}, ${number()} bytes. */\nexport function ${name()}(${part()}: readonly number[]): ${capital(name())} {\n`,
    () =>
      `def ${part()}_${part()}(self, ${part()}=None):\n    return [${part()} for ${part()} in ${part()} if not ${part()}]\n\n`,
    () => `    throw new ${capital(name())}Error(\`expected ${part()}, got \${${part()}}\`);\n}\n\n`,
    () => `\t\t<${part()} class="${part()}-${part()}" data-${part()}='${number()}'>&nbsp;</${part()}>\r\n`,
    () => `#define ${part().toUpperCase()}_${part().toUpperCase()} (1u << ${between(random, 0, 31)})  // ${part()}\n`,
  ];
  return grow(bytes, () => lines[Math.floor(random() * lines.length)]());
}

function chinese(bytes, random) {
  const character = zipf([...CHINESE], random);
  const word = () => Array.from({ length: between(random, 1, 3) }, character).join('');
  return grow(bytes, () => sentence(random, word, { gap: '', end: '。', comma: '，' }));
}

/** Words of a language: those of its sentences, and others put together of their beginnings and ends. */
function wordsOf(sentences, random) {
  const known = [...new Set(sentences.join(' ').split(/\s+/u))].map((word) => [...word]);
  const any = () => known[Math.floor(random() * known.length)];
  const made = Array.from({ length: MADE_WORDS }, () => {
    const [start, end] = [any(), any()];
    return [...start.slice(0, Math.ceil(start.length / 2)), ...end.slice(Math.floor(end.length / 2))].join('');
  });
  return [...known.map((word) => word.join('')), ...made];
}

function languages(bytes, random) {
  const words = Object.values(JSON.parse(readFileSync(SENTENCES, 'utf8'))).map((list) =>
    zipf(wordsOf(list, random), random),
  );
  return grow(bytes, () => {
    const word = words[Math.floor(random() * words.length)];
    return Array.from({ length: between(random, 1, 4) }, () => sentence(random, word)).join('');
  });
}

function structured(bytes, random) {
  const part = zipf(IDENTIFIERS, random);
  const word = zipf(ENGLISH, random);
  const number = () => (random() * 10 ** between(random, 1, 6)).toFixed(between(random, 0, 3));
  const hex = () => Math.floor(random() * 2 ** 32).toString(16);
  const time = () => new Date(1.6e12 + random() * 2e11).toISOString();
  const lines = [
    () =>
      `{"id":"${hex()}${hex()}","${part()}":${number()},"${part()}":["${word()}",${number()},null],"at":"${time()}"}\n`,
    () =>
      `${time()} INFO [${part()}-${between(random, 0, 64)}] ${word()} ${word()} ${part()}=${number()} in ${number()} ms\n`,
    () => `${number()},${word()},"${word()} ${word()}",${number()},${time().slice(0, 10)},${hex()}\n`,
    () => `| ${word()} | ${number()} | ${number()} | ${part()} |\n`,
    () => `https://${word()}.example/${part()}/${hex()}?${part()}=${number()}&page=${between(random, 1, 99)}\n`,
  ];
  return grow(bytes, () => lines[Math.floor(random() * lines.length)]());
}

function emoji(bytes, random) {
  const picture = zipf(PICTOGRAMS, random);
  const word = zipf(ENGLISH, random);
  return grow(bytes, () => {
    const run = Array.from({ length: between(random, 1, 12) }, picture).join('');
    return random() < 0.4 ? `${word()} ${run} ` : run;
  });
}

const MAKERS = {
  english: [english, 700_000],
  code: [code, 1_000_000],
  chinese: [chinese, 1_000_000],
  languages: [languages, 1_400_000],
  structured: [structured, 1_000_000],
  emoji: [emoji, 310_000],
};

export const CORPORA = Object.keys(MAKERS);

/** The text of a corpus; `scale` makes all of them shorter or longer. */
export function corpus(name, scale = 1) {
  const [make, bytes] = MAKERS[name];
  return make(bytes * scale, randomNumbers(bytes)).toWellFormed();
}
