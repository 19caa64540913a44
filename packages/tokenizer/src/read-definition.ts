import { InvalidArgumentError, TokenizerError } from './errors.js';
import { type HuggingFaceTokenizerFile, readHuggingFaceFile } from './hugging-face-file.js';
import { LLAMA3_BASE_VOCAB_SIZE, llama3SpecialTokens } from './llama3-special-tokens.js';
import { readRankFile } from './rank-file.js';
import type { SpecialToken } from './special-tokens.js';
import type { TokenizerDefinition } from './tokenizer-definition.js';
import type { TokenBytes } from './vocabulary.js';

/**
 * The contents of a `tokenizer.json` or of a `tokenizer.model` (tiktoken rank file), as bytes or text, or a parsed
 * `tokenizer.json`.
 */
export type TokenizerSource = Uint8Array | ArrayBuffer | string | HuggingFaceTokenizerFile;

const OPENING_BRACE = 0x7b;
const BYTE_ORDER_MARK = '\ufeff';

/** @throws {TokenizerError} `TOKENIZER_FORMAT` when the source is damaged or of another kind of tokenizer */
export function readDefinition(source: TokenizerSource): TokenizerDefinition {
  if (typeof source === 'string') return readText(source);
  if (source instanceof ArrayBuffer) return readBytes(new Uint8Array(source));
  if (source instanceof Uint8Array) return readBytes(source);
  if (typeof source === 'object' && source !== null) return readHuggingFaceFile(source);
  throw new InvalidArgumentError(
    'ARGUMENT_TYPE',
    `expected a tokenizer file as bytes, text or object, got ${typeof source}`,
    {
      hint: 'Read the file first, or use loadTokenizerDirectory of @pocketlens/tokenizer/node.',
    },
  );
}

function readBytes(file: Uint8Array): TokenizerDefinition {
  const first = file.find((byte) => byte > 0x20 && byte < 0x80);
  return first === OPENING_BRACE ? readJson(new TextDecoder().decode(file)) : rankDefinition(readRankFile(file));
}

function readText(file: string): TokenizerDefinition {
  const text = file.startsWith(BYTE_ORDER_MARK) ? file.slice(1) : file;
  return text.trimStart().startsWith('{')
    ? readJson(text)
    : rankDefinition(readRankFile(new TextEncoder().encode(text)));
}

function readJson(text: string): TokenizerDefinition {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError('TOKENIZER_FORMAT', 'expected a tokenizer.json, got text that is no JSON', {
      cause,
      hint: 'Check that the file is complete.',
    });
  }
  // The reader checks every field that it uses.
  return readHuggingFaceFile(file as HuggingFaceTokenizerFile);
}

/** A rank file takes whole pieces first, as tiktoken does; one of Llama 3's size has Llama 3's special tokens. */
export function rankDefinition(tokens: TokenBytes): TokenizerDefinition {
  const isLlama3 = tokens.starts.length - 1 === LLAMA3_BASE_VOCAB_SIZE;
  const specialTokens: SpecialToken[] = isLlama3
    ? Array.from(llama3SpecialTokens(), ([content, id]) => ({ content, id, isControl: true }))
    : [];
  return { tokens, ignoresMerges: true, specialTokens };
}
