import { Llama3Tokenizer } from '@pocketlens/tokenizer';
import { UsageError } from './errors.js';

/** Which special tokens a text may contain: none ('text'), all ('allow'), or the named ones. */
export type SpecialChoice = 'text' | 'allow' | ReadonlySet<string>;

/** The tokenizer of a model directory or file; the shipped Llama 3 vocabulary without one. */
export function loadTokenizer(source: string | undefined): Promise<Llama3Tokenizer> {
  return source === undefined ? Llama3Tokenizer.load() : Llama3Tokenizer.load(source);
}

/** Reads the "special" of a JSON line: true, false, "text", "allow" or a list of token strings. */
export function specialChoice(value: unknown, line: number): SpecialChoice {
  if (value === undefined || value === null || value === false || value === 'text') return 'text';
  if (value === true || value === 'allow') return 'allow';
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return new Set(value);
  throw new UsageError(`Expected true, false, "text", "allow" or a list of strings for "special" on line ${line}`);
}
