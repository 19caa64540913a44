// Compares the tokenizer with tiktoken on random strings: ids, and the text that they decode to.
//
//   python3 -m venv tools/tokenizer/.venv && tools/tokenizer/.venv/bin/pip install tiktoken==0.14.0
//   npm run build
//   node tools/tokenizer/fuzz.mjs [--count 100000] [--seed 1] [--python tools/tokenizer/.venv/bin/python]
//
// Prints at most ten strings that differ, and then ends with status 1.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Llama3Tokenizer } from '../../packages/tokenizer/dist/index.js';
import { randomText } from './random-text.mjs';

const BATCH = 500;
const SHOWN = 10;
const here = import.meta.dirname;
const RANK_FILE = path.join(here, '..', 'golden', 'tokenizer', 'llama3.tiktoken');

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    python: { type: 'string', default: path.join(here, '.venv', 'bin', 'python') },
  },
});
const [count, seed] = [values.count, values.seed].map(Number);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  throw new Error('--count and --seed: expected whole numbers');
}

const tokenizer = await Llama3Tokenizer.load();
const reference = spawn(values.python, [path.join(here, 'tiktoken_ids.py'), RANK_FILE], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const failed = once(reference, 'error').then(([error]) => {
  throw new Error(`cannot start ${values.python}: ${error.message}`);
});
const answers = createInterface({ input: reference.stdout })[Symbol.asyncIterator]();

/** Ids by tiktoken; lone surrogates travel as JSON escapes. */
async function referenceIds(texts) {
  reference.stdin.write(`${JSON.stringify(texts)}\n`);
  const { value, done } = await Promise.race([answers.next(), failed]);
  if (done) throw new Error('tiktoken ended early');
  return JSON.parse(value);
}

let checked = 0;
let units = 0;
const differences = [];
for (; checked < count && differences.length < SHOWN;) {
  const texts = Array.from({ length: Math.min(BATCH, count - checked) }, (_, i) => randomText(seed, checked + i));
  const expected = await referenceIds(texts);
  const batch = tokenizer.encodeBatch(texts);
  for (const [i, text] of texts.entries()) {
    const ids = tokenizer.encode(text);
    const batched = batch.ids.subarray(batch.offsets[i], batch.offsets[i + 1]);
    const isSame = ids.join() === expected[i].join() && batched.join() === expected[i].join();
    const isBack = tokenizer.decode(ids) === text.toWellFormed();
    units += text.length;
    if (!isSame || !isBack) differences.push({ text, ids, expected: expected[i], isBack });
  }
  checked += texts.length;
  if (checked % (BATCH * 20) === 0) process.stderr.write(`${checked} of ${count}\n`);
}
reference.stdin.end();
for (const difference of differences) process.stdout.write(`${JSON.stringify(difference)}\n`);
process.stdout.write(
  `${checked} strings, ${units} UTF-16 units, seed ${seed}: ${differences.length} differences from tiktoken\n`,
);
process.exitCode = differences.length > 0 ? 1 : 0;
