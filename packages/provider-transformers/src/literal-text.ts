/**
 * Words that processors replace by pictures. They are not always listed as special tokens, and some processors put in
 * names of their own for a while (`<|placeholder|>`).
 */
const PLACEHOLDERS = '<\\|[^<>|\\s]*\\|>|<(?:image|img|global-img|video|audio|row_\\d+_col_\\d+)>|\\[IMG(?:_\\w+)?\\]';

/** Finds where control words begin, those inside of others too. */
export function controlPattern(specialTokens: Iterable<string>): RegExp {
  const words = [...specialTokens].filter((word) => word.trim() !== '').map(escapePattern);
  return new RegExp(`(?=${[...words, PLACEHOLDERS].join('|')}).`, 'gsu');
}

function escapePattern(word: string): string {
  return word.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** A marker that no text contains: it cannot be guessed, and U+FDD0 is no character and never will be one. */
export function createMarker(): string {
  return `\uFDD0${crypto.randomUUID()}\uFDD0`;
}

/** Text with a marker after the first character of every control word: what lies between markers holds none. */
export function breakControls(text: string, pattern: RegExp, marker: string): string {
  return text.replaceAll(pattern, `$&${marker}`);
}
