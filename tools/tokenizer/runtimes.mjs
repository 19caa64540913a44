// Runs the tokenizer's build where it runs: all golden cases, in the runtime that runs this file.
//
//   npm run build
//   node tools/tokenizer/runtimes.mjs
//   deno run --allow-read tools/tokenizer/runtimes.mjs
//   bun tools/tokenizer/runtimes.mjs
//
// Ends with status 1 when something differs.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Llama3Tokenizer, MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS } from '../../packages/tokenizer/dist/index.js';

const GOLDEN = new URL('../golden/tokenizer/', import.meta.url);
const readRows = (name) =>
  readFileSync(new URL(name, GOLDEN), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const isSame = (ids, expected) => ids.join() === expected.join();

const runtime = globalThis.Deno
  ? `Deno ${Deno.version.deno}`
  : process.versions.bun
    ? `Bun ${process.versions.bun}`
    : `Node ${process.versions.node}`;
const tokenizer = await Llama3Tokenizer.load();
const fromFile = await Llama3Tokenizer.load(readFileSync(new URL('llama3.tiktoken', GOLDEN)));
const minicpm = await Llama3Tokenizer.load(undefined, {
  specialTokens: MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS,
  ignoreMerges: false,
});
const encodeRows = readRows('encode.jsonl');

const checks = {
  encode: [encodeRows, ({ text, ids }) => isSame(tokenizer.encode(text), ids)],
  'encode with a rank file': [encodeRows, ({ text, ids }) => isSame(fromFile.encode(text), ids)],
  'decode of ids': [encodeRows, ({ text, ids }) => tokenizer.decode(ids) === text.toWellFormed()],
  special: [
    readRows('special.jsonl'),
    ({ text, ids_all }) => isSame(tokenizer.encode(text, { special: 'allow' }), ids_all),
  ],
  chat: [
    readRows('chat.jsonl'),
    ({ messages, add_generation_prompt, ids_injection_safe }) =>
      isSame(tokenizer.encodeChat(messages, { addGenerationPrompt: add_generation_prompt }), ids_injection_safe),
  ],
  'streamed decode': [
    readRows('decode.jsonl'),
    ({ ids, chunks, flush }) => {
      const stream = tokenizer.stream();
      return ids.every((id, i) => stream.push(id) === chunks[i]) && stream.end() === flush;
    },
  ],
  'decode of renamed tokens': [encodeRows, ({ text }) => minicpm.decode(minicpm.encode(text)) === text.toWellFormed()],
};

let failed = 0;
for (const [name, [rows, holds]] of Object.entries(checks)) {
  const wrong = rows.filter((row) => !holds(row)).length;
  failed += wrong;
  console.log(`${runtime}: ${name}: ${rows.length} cases, ${wrong} wrong`);
}
const long = encodeRows.map(({ text }) => text).join(' ');
const inSteps = await tokenizer.encodeAsync(long);
if (!isSame(inSteps, tokenizer.encode(long))) failed++;
console.log(
  `${runtime}: encodeAsync: ${inSteps.length} ids, ${isSame(inSteps, tokenizer.encode(long)) ? 'the same' : 'others'}`,
);
process.exitCode = failed === 0 ? 0 : 1;
