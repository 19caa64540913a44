import { bytesOfSpelling } from './byte-characters.js';
import { TokenizerError } from './errors.js';
import type { SpecialToken } from './special-tokens.js';
import { MAX_MERGES } from './merge-rules.js';
import { type AddedToken, readAddedToken } from './tokenizer-config.js';
import type { TokenizerDefinition } from './tokenizer-definition.js';
import { MAX_VOCAB_SIZE, packTokenBytes } from './vocabulary.js';

/** The split of Llama 3 as `tokenizer.json` spells it. */
const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** A parsed `tokenizer.json`, as far as it is read here. */
export interface HuggingFaceTokenizerFile {
  readonly model: {
    readonly type?: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
    readonly ignore_merges?: boolean;
    readonly dropout?: number | null;
    readonly byte_fallback?: boolean;
    readonly continuing_subword_prefix?: string | null;
    readonly end_of_word_suffix?: string | null;
  };
  readonly added_tokens?: readonly (AddedToken & { readonly id: number })[] | null;
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
}

/**
 * Reads a `tokenizer.json` of the Llama 3 kind: byte-level BPE behind Llama 3's split, no normaliser.
 *
 * @throws {TokenizerError} `TOKENIZER_FORMAT` when the file asks for another kind of tokenizer
 */
export function readHuggingFaceFile(file: HuggingFaceTokenizerFile): TokenizerDefinition {
  checkPipeline(file);
  const { vocab, merges, ignore_merges } = file.model;
  const ids = new Map(Object.entries(vocab));
  const specialTokens = (file.added_tokens ?? []).map((token) => readAddedToken(token.id, token));
  return {
    tokens: packTokenBytes(readVocabulary(ids, specialTokens)),
    mergeList: readMerges(merges, ids),
    ignoresMerges: ignore_merges === true,
    specialTokens,
  };
}

/** Refuses what would silently give other ids. */
function checkPipeline({ model, normalizer, pre_tokenizer }: HuggingFaceTokenizerFile): void {
  const isByteLevelBpe =
    typeof model === 'object' &&
    model !== null &&
    (model.type ?? 'BPE') === 'BPE' &&
    isObject(model.vocab) &&
    Array.isArray(model.merges);
  if (!isByteLevelBpe) throw formatError('a BPE model with vocab and merges', 'another model');
  if (model.dropout) throw formatError('no dropout', `dropout ${model.dropout}`);
  if (model.byte_fallback || model.continuing_subword_prefix || model.end_of_word_suffix) {
    throw formatError('a byte-level model', 'byte_fallback, continuing_subword_prefix or end_of_word_suffix');
  }
  if (normalizer) throw formatError('no normalizer', JSON.stringify(normalizer).slice(0, 80));
  if (pre_tokenizer !== undefined) checkPreTokenizer(pre_tokenizer);
}

/** Llama 3 has a `Split` by its expression, then `ByteLevel` without an expression of its own. */
function checkPreTokenizer(value: unknown): void {
  const steps = isObject(value) && value['type'] === 'Sequence' ? value['pretokenizers'] : [value];
  const [split, byteLevel] = Array.isArray(steps) ? (steps as unknown[]) : [];
  const pattern = isObject(split) && isObject(split['pattern']) ? split['pattern']['Regex'] : undefined;
  const isLlama3 =
    Array.isArray(steps) &&
    steps.length === 2 &&
    isObject(split) &&
    split['type'] === 'Split' &&
    pattern === LLAMA3_PATTERN &&
    split['behavior'] === 'Isolated' &&
    split['invert'] !== true &&
    isObject(byteLevel) &&
    byteLevel['type'] === 'ByteLevel' &&
    byteLevel['add_prefix_space'] === false &&
    byteLevel['use_regex'] === false;
  if (!isLlama3) throw formatError("Llama 3's split followed by ByteLevel", 'another pre_tokenizer');
}

function readVocabulary(
  ids: ReadonlyMap<string, number>,
  specialTokens: readonly SpecialToken[],
): (Uint8Array | undefined)[] {
  const specials = new Map(specialTokens.map(({ content, id }) => [content, id]));
  const tokens: (Uint8Array | undefined)[] = [];
  for (const [spelling, id] of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= MAX_VOCAB_SIZE) {
      throw formatError(`ids below ${MAX_VOCAB_SIZE}`, `${String(id)} for ${JSON.stringify(spelling)}`);
    }
    if (tokens[id] !== undefined) throw formatError('one token for each id', `two for id ${id}`);
    const bytes = bytesOfSpelling(spelling);
    if (bytes !== undefined && bytes.length > 0) tokens[id] = bytes;
    else if (specials.get(spelling) !== id)
      throw formatError('tokens spelled in byte characters', JSON.stringify(spelling));
  }
  return Array.from(tokens);
}

function readMerges(merges: HuggingFaceTokenizerFile['model']['merges'], ids: ReadonlyMap<string, number>): Int32Array {
  if (merges.length > MAX_MERGES) throw formatError(`at most ${MAX_MERGES} merges`, `${merges.length}`);
  const pairs = new Int32Array(3 * merges.length);
  for (let rank = 0; rank < merges.length; rank++) {
    const merge = merges[rank]!;
    const [left = '', right = ''] = typeof merge === 'string' ? merge.split(' ') : merge;
    const found = [ids.get(left), ids.get(right), ids.get(left + right)];
    for (const [field, id] of found.entries()) {
      if (id === undefined)
        throw formatError('merges of tokens in the vocabulary', `merge ${rank}: ${JSON.stringify(merge)}`);
      pairs[3 * rank + field] = id;
    }
  }
  return pairs;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function formatError(expected: string, got: string): TokenizerError {
  return new TokenizerError('TOKENIZER_FORMAT', `expected a tokenizer.json with ${expected}, got ${got}`, {
    hint: 'Use the tokenizer.json of a Llama 3 model.',
  });
}
