import { basename } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { preview, type JsonObject } from '../json.js';
import type { GgufFile } from './file.js';

const LLAMA3_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Types of tokens in `tokenizer.ggml.token_type` (llama.cpp `llama_token_type`). */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

/**
 * `tokenizer.json` from a file's metadata, as the checkpoint has it: byte-level BPE behind Llama 3's split, merges not
 * ignored.
 *
 * @returns nothing when the file has no tokenizer
 * @throws {ModelFormatError} `MODEL_CONFIG` for another kind of tokenizer, or lists that do not fit each other
 */
export function ggufTokenizer(file: GgufFile): JsonObject | undefined {
  const { metadata } = file;
  if (!metadata.has('tokenizer.ggml.tokens')) return undefined;
  const kind = `${metadata.string('tokenizer.ggml.model')} ${metadata.string('tokenizer.ggml.pre', 'llama-bpe')}`;
  if (kind !== 'gpt2 llama-bpe') {
    throw new ModelFormatError(
      'MODEL_CONFIG',
      `${basename(file.path)}: tokenizer ${preview(kind)}; "gpt2 llama-bpe" is read`,
      {
        hint: "Put the model's tokenizer.json beside the GGUF file.",
      },
    );
  }
  const tokens = metadata.strings('tokenizer.ggml.tokens');
  const types = metadata.has('tokenizer.ggml.token_type') ? metadata.numbers('tokenizer.ggml.token_type') : [];
  if (types.length !== 0 && types.length !== tokens.length) {
    throw new ModelFormatError(
      'MODEL_CONFIG',
      `${basename(file.path)}: ${tokens.length} tokens and ${types.length} token types`,
    );
  }
  const normal: [string, number][] = [];
  const added: JsonObject[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types[id] ?? NORMAL;
    if (type === CONTROL || type === USER_DEFINED) added.push(addedToken(id, content, type === CONTROL));
    else if (type !== UNUSED) normal.push([content, id]);
  }
  const merges = metadata.has('tokenizer.ggml.merges') ? metadata.strings('tokenizer.ggml.merges') : [];
  return {
    version: '1.0',
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: LLAMA3_SPLIT }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', ignore_merges: false, vocab: Object.fromEntries(normal), merges },
  };
}

function addedToken(id: number, content: string, isSpecial: boolean): JsonObject {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: isSpecial };
}
