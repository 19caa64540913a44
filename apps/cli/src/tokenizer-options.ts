import { Llama3Tokenizer, type SpecialTokenPolicy, type Tokenizer } from '@pocketlens/tokenizer';
import { loadTokenizerDirectory } from '@pocketlens/tokenizer/node';
import { CliError } from './errors.js';

/** The tokenizer of a model directory or file; the shipped Llama 3 vocabulary without one. */
export function loadTokenizer(place: string | undefined): Promise<Tokenizer> {
  return place === undefined ? Llama3Tokenizer.load() : loadTokenizerDirectory(place);
}

/** Reads the "special" of a JSON line: true, false, "text", "allow" or a list of token strings. */
export function specialPolicy(value: unknown, line: number): SpecialTokenPolicy {
  if (value === undefined || value === null || value === false || value === 'text') return 'text';
  if (value === true || value === 'allow') return 'allow';
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
  throw new CliError(
    'JSON_LINE',
    `Expected true, false, "text", "allow" or a list of strings for "special" on line ${line}`,
  );
}
