// Five texts, always the same: made-up sentences whose words recur as in real text (Zipf's law).
import { randomNumbers } from '../../../checkpoint/random-values.mjs';
import { CHINESE, ENGLISH, IDENTIFIERS, LANGUAGES, PICTOGRAMS } from './words.mjs';

/** Picks the items of a list by Zipf's law: the second half as often as the first, the third a third as often. */
function zipf(items, random) {
  const sums = [];
  let sum = 0;
  for (let rank = 1; rank <= items.length; rank++) sums.push((sum += 1 / rank));
  return () => {
    const wanted = random() * sum;
    return items[sums.findIndex((value) => value >= wanted)];
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

function languages(bytes, random) {
  const words = LANGUAGES.map((line) => zipf(line.split(' '), random));
  return grow(bytes, () => {
    const word = words[Math.floor(random() * words.length)];
    return Array.from({ length: between(random, 1, 4) }, () => sentence(random, word)).join('');
  });
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
  emoji: [emoji, 310_000],
};

export const CORPORA = Object.keys(MAKERS);

/** The text of a corpus; `scale` makes all of them shorter or longer. */
export function corpus(name, scale = 1) {
  const [make, bytes] = MAKERS[name];
  return make(bytes * scale, randomNumbers(bytes)).toWellFormed();
}
