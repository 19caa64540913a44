import { bytesInVocabularyOrder } from '../src/byte-characters.js';
import type { HuggingFaceTokenizerFile } from '../src/hugging-face-file.js';

const PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Tokens of a rank file as strings of one character for each byte, in rank order. */
export function parseRankFile(file: Uint8Array): string[] {
  const lines = new TextDecoder().decode(file).trimEnd().split('\n');
  return lines.map((line) => atob(line.slice(0, line.indexOf(' '))));
}

/** A rank file of tokens given as strings of one character for each byte. */
export function writeRankFile(tokens: readonly string[]): string {
  return tokens.map((token, rank) => `${btoa(token)} ${rank}\n`).join('');
}

/** The 256 single bytes by value. */
export function byteTokens(): string[] {
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
}

/** Spells bytes as `tokenizer.json` does: GPT-2's order again, the substitutes from U+0100 on. */
function byteSpellings(): string[] {
  const spellings: string[] = [];
  let substitute = 0x100;
  const printable = new Set(bytesInVocabularyOrder().subarray(0, 188));
  for (let byte = 0; byte < 256; byte++) {
    spellings.push(String.fromCharCode(printable.has(byte) ? byte : substitute++));
  }
  return spellings;
}

/** A `tokenizer.json` with every split of a token into two tokens as a merge, in the order of Hugging Face's converter. */
export function makeTokenizerFile(
  tokens: readonly string[],
  options: { ignoreMerges: boolean },
): HuggingFaceTokenizerFile {
  const bytes = byteSpellings();
  const spell = (token: string): string => Array.from(token, (byte) => bytes[byte.charCodeAt(0)]).join('');
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: string[] = [];
  for (const token of tokens) {
    const splits: [number, number][] = [];
    for (let cut = 1; cut < token.length; cut++) {
      const left = ids.get(token.slice(0, cut));
      const right = ids.get(token.slice(cut));
      if (left !== undefined && right !== undefined) splits.push([left, right]);
    }
    splits.sort(([a, b], [c, d]) => a - c || b - d);
    for (const [left, right] of splits) merges.push(`${spell(tokens[left]!)} ${spell(tokens[right]!)}`);
  }
  return {
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    added_tokens: [
      { id: 128000, content: '<|begin_of_text|>', special: true },
      { id: 128009, content: '<|eot_id|>', special: true },
      { id: 128010, content: '<note>', special: false },
      { id: tokens.indexOf('!'), content: '!', special: true },
    ],
    model: {
      type: 'BPE',
      dropout: null,
      byte_fallback: false,
      ignore_merges: options.ignoreMerges,
      vocab: Object.fromEntries(tokens.map((token, id) => [spell(token), id])),
      merges,
    },
  };
}

/** Byte-pair merging as its definition says it: quadratic, and independent of the code under test. */
export function mergeNaively(bytes: string, ids: ReadonlyMap<string, number>): number[] {
  const parts = Array.from(bytes);
  for (;;) {
    let best = Infinity;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ids.get(parts[i]! + parts[i + 1]!) ?? Infinity;
      if (rank < best) [best, at] = [rank, i];
    }
    if (at < 0) return parts.map((part) => ids.get(part)!);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}
