import { mapStrings } from './map-strings.js';

/** Noncharacters: no text means anything by them, and no template treats them specially. */
const FIRST_MARK = 0xfdd0;
const LAST_MARK = 0xfdef;

/** A part of a rendered text: a special token of the template, or ordinary text. */
export interface GuardedPart {
  readonly text: string;
  readonly isSpecial: boolean;
}

/** Values in which no special token can be found any more, and the way back. */
export interface SpecialTokenGuard<T> {
  readonly value: T;
  /** How many special tokens were hidden. */
  readonly count: number;
  /** The text as it would be without the guard. */
  restore(text: string): string;
  /** Cuts a text at its special tokens; those that were hidden are ordinary text. */
  split(text: string): GuardedPart[];
}

/**
 * Hides special tokens in all strings of a plain value, so that after rendering those of the template can be told from
 * those that somebody wrote: the first character of each is replaced by a noncharacter.
 *
 * @param rendered - what was rendered without the guard; noncharacters in it are not used
 */
export function protectSpecialTokens<T>(value: T, names: readonly string[], rendered: string): SpecialTokenGuard<T> {
  const pattern = alternatives(names);
  const marks = new Map<string, string>();
  let count = 0;
  let next = FIRST_MARK;
  const markOf = (character: string): string => {
    const known = marks.get(character);
    if (known !== undefined) return known;
    while (rendered.includes(String.fromCharCode(next))) next++;
    if (next > LAST_MARK) throw new RangeError('more first characters of special tokens than noncharacters');
    const mark = String.fromCharCode(next++);
    marks.set(character, mark);
    return mark;
  };
  const hide = (text: string): string =>
    text.replaceAll(pattern, (name) => {
      count++;
      return markOf(name.charAt(0)) + name.slice(1);
    });
  const hidden = mapStrings(value, hide);
  const restore = (text: string): string => {
    let restored = text;
    for (const [character, mark] of marks) restored = restored.replaceAll(mark, () => character);
    return restored;
  };
  return { value: hidden, count, restore, split: (text) => splitAt(text, pattern, restore) };
}

function splitAt(text: string, pattern: RegExp, restore: (text: string) => string): GuardedPart[] {
  const parts: GuardedPart[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) parts.push({ text: restore(text.slice(from, match.index)), isSpecial: false });
    parts.push({ text: match[0], isSpecial: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ text: restore(text.slice(from)), isSpecial: false });
  return parts;
}

/** An expression that finds any of the names, the longest where several begin. */
function alternatives(names: readonly string[]): RegExp {
  const escaped = names
    .toSorted((a, b) => b.length - a.length)
    .map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`));
  // Without names, an expression that nothing matches.
  return new RegExp(escaped.length === 0 ? '(?!)' : escaped.join('|'), 'g');
}
