// One JavaScript tokenizer in a process of its own: `node peer.mjs NAME FOLDER SCALE ROUNDS SECONDS`.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { measure, summary, timed } from '../peer.mjs';
import { CORPORA, corpus } from './corpora.mjs';
import { PATTERN, PORTABLE_PATTERN, readRanks } from './vocabulary.mjs';

const SENTENCE = 'How long does it take until the first ids are there?';
/** Of each other text, before a first pass is measured. */
const WARM_UP_UNITS = 32_768;

/** What tiktoken's ports read: a mark, the first rank, all tokens. */
const rankText = async (folder) => `! 0 ${(await readRanks(folder)).join(' ')}`;

const PEERS = {
  async ours() {
    const { Llama3Tokenizer } = await import('../../../../packages/tokenizer/dist/index.js');
    const tokenizer = await Llama3Tokenizer.load();
    return { encode: (text) => tokenizer.encode(text), decode: (ids) => tokenizer.decode(ids) };
  },
  async 'tiktoken-wasm'(folder) {
    const { Tiktoken } = await import('tiktoken');
    const tokenizer = new Tiktoken(await rankText(folder), {}, PATTERN);
    const decoder = new TextDecoder();
    return {
      encode: (text) => tokenizer.encode_ordinary(text),
      decode: (ids) => decoder.decode(tokenizer.decode(ids)),
    };
  },
  async 'js-tiktoken'(folder) {
    const { Tiktoken } = await import('js-tiktoken/lite');
    const settings = { bpe_ranks: await rankText(folder), special_tokens: {}, pat_str: PORTABLE_PATTERN };
    const tokenizer = new Tiktoken(settings);
    return { encode: (text) => tokenizer.encode(text, [], []), decode: (ids) => tokenizer.decode(ids) };
  },
  // It has no Llama 3 vocabulary: 100,000 tokens and the same pattern.
  async 'gpt-tokenizer-cl100k'() {
    const { encode, decode, clearMergeCache } = await import('gpt-tokenizer/encoding/cl100k_base');
    // One for the whole process: a new one is one that has forgotten everything.
    clearMergeCache();
    return { encode, decode };
  },
  async 'llama3-tokenizer-js'() {
    const { default: tokenizer } = await import('llama3-tokenizer-js');
    return {
      encode: (text) => tokenizer.encode(text, { bos: false, eos: false }),
      decode: (ids) => tokenizer.decode(ids),
    };
  },
  async 'huggingface-transformers'(folder) {
    const { PreTrainedTokenizer } = await import('@huggingface/transformers');
    const file = JSON.parse(await readFile(path.join(folder, 'tokenizer.json'), 'utf8'));
    const tokenizer = new PreTrainedTokenizer(file, { clean_up_tokenization_spaces: false });
    return {
      encode: (text) => tokenizer.encode(text, { add_special_tokens: false }),
      decode: (ids) => tokenizer.decode(ids, { clean_up_tokenization_spaces: false }),
    };
  },
  async 'huggingface-tokenizers'(folder) {
    const { Tokenizer } = await import('@huggingface/tokenizers');
    const file = JSON.parse(await readFile(path.join(folder, 'tokenizer.json'), 'utf8'));
    const tokenizer = new Tokenizer(file, { clean_up_tokenization_spaces: false });
    return {
      encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
      decode: (ids) => tokenizer.decode(ids),
    };
  },
};

export const JS_PEERS = Object.keys(PEERS);

/** Ids in a form that is the same in every language. */
function digest(ids) {
  return createHash('sha256').update(Array.from(ids).join(',')).digest('hex');
}

/** First passes over a text in a warm process: each by a tokenizer that has read only other texts. */
async function measureFresh(create, texts, key, { count, seconds }) {
  const samples = [];
  const start = performance.now();
  while (samples.length === 0 || (samples.length < count && performance.now() - start < seconds * 1000)) {
    const tokenizer = await create();
    for (const [other, text] of texts) if (other !== key) tokenizer.encode(text.slice(0, WARM_UP_UNITS).toWellFormed());
    const text = texts.find(([name]) => name === key)[1];
    samples.push(await timed(async () => void tokenizer.encode(text)));
  }
  return summary(samples);
}

async function main([name, folder, scale, rounds, seconds]) {
  const texts = CORPORA.map((key) => [key, corpus(key, Number(scale))]);
  const limits = { count: Number(rounds), seconds: Number(seconds) };
  let tokenizer;
  const create = () => PEERS[name](folder);
  const load = await timed(async () => {
    tokenizer = await create();
    tokenizer.encode(SENTENCE);
  });
  const encode = [];
  const decode = [];
  for (const [key, text] of texts) {
    let ids;
    const cold = await timed(async () => (ids = tokenizer.encode(text)));
    const warm = await measure(() => void tokenizer.encode(text), limits);
    encode.push({
      corpus: key,
      bytes: Buffer.byteLength(text),
      tokens: ids.length,
      coldMs: cold.ms,
      coldCpuMs: cold.cpuMs,
      ...warm,
      digest: digest(ids),
    });
    const back = await measure(() => void tokenizer.decode(ids), limits);
    decode.push({ corpus: key, tokens: ids.length, isSame: tokenizer.decode(ids) === text, ...back });
  }
  const fresh = [];
  for (const [key, text] of texts) {
    fresh.push({ corpus: key, bytes: Buffer.byteLength(text), ...(await measureFresh(create, texts, key, limits)) });
  }
  process.stdout.write(`${JSON.stringify({ version: name, load, encode, fresh, decode })}\n`);
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
