// The Llama 3 vocabulary in the forms that the peers read, made once and kept.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeTokenizerFiles } from '../../../checkpoint/tokenizer-files.mjs';

/** @source meta-llama/llama3, `llama/tokenizer.py` */
export const PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** The same for engines without `(?i:`. */
export const PORTABLE_PATTERN = PATTERN.replace(
  /^\(\?i:[^)]*\)/,
  "'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])",
);

/** Bytes of all tokens in rank order, base64. */
export async function readRanks(folder) {
  const text = await readFile(path.join(folder, 'tokenizer.model'), 'latin1');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[0]);
}

/** GPT-2's character for each byte. */
function byteCharacters() {
  const isPlain = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let extra = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPlain(byte) ? byte : extra++));
}

/** A `tokenizer.json`: its merges are all splits of tokens into two tokens, by the rank of the result. */
function huggingFaceFile(ranks) {
  const characters = byteCharacters();
  const names = ranks.map((token) => Array.from(Buffer.from(token, 'base64'), (byte) => characters[byte]).join(''));
  const vocab = Object.fromEntries(names.map((name, id) => [name, id]));
  const known = new Set(names);
  const merges = names.flatMap((name) =>
    Array.from({ length: name.length - 1 }, (_, i) => [name.slice(0, i + 1), name.slice(i + 1)]).filter(
      ([left, right]) => known.has(left) && known.has(right),
    ),
  );
  const split = { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Isolated', invert: false };
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, ignore_merges: true, vocab, merges },
  };
}

/** Writes `tokenizer.model` and `tokenizer.json` unless both are there. */
export async function makeVocabulary(folder) {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'tokenizer.json');
  if ((await stat(file).catch(() => undefined)) !== undefined) return;
  await writeTokenizerFiles(folder);
  await writeFile(`${file}.part`, JSON.stringify(huggingFaceFile(await readRanks(folder))));
  await rename(`${file}.part`, file);
}
