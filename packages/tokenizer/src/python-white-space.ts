import { mapStrings } from './map-strings.js';

/** White space to Python's `strip` but not to JavaScript's `trim`. */
const SPACES_OF_PYTHON = ['\u001c', '\u001d', '\u001e', '\u001f', '\u0085'];
/** White space to JavaScript's `trim` but not to Python's `strip`. */
const BYTE_ORDER_MARK = '\ufeff';
const CONCERNED = [...SPACES_OF_PYTHON, BYTE_ORDER_MARK];

/** White space to both, rare enough that some of it is always free. */
const SPACES_OF_BOTH = [...'\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u205f\u202f\u1680'];
/** Noncharacters, white space to neither. */
const NONCHARACTERS = [...'\ufdef\ufdee\ufded\ufdec'];

/** Values for a template, and the way back for what it rendered. */
export interface StandIns<T> {
  readonly value: T;
  restore(text: string): string;
}

/**
 * Lets a template that strips with JavaScript's `trim` strip as in Python, for which templates are written: characters
 * on which the two disagree are rendered as others on which they agree, and that occur nowhere else.
 *
 * @param value - what the template is rendered with
 * @param templateText - the template
 */
export function withPythonWhiteSpace<T>(value: T, templateText: string): StandIns<T> {
  let all = templateText;
  let isConcerned = false;
  mapStrings(value, (text) => {
    all += text;
    isConcerned ||= CONCERNED.some((character) => text.includes(character));
    return text;
  });
  if (!isConcerned) return { value, restore: (text) => text };
  const standIns = new Map<string, string>();
  const choose = (character: string, candidates: readonly string[]): void => {
    const taken = new Set(standIns.values());
    const free = candidates.find((candidate) => !all.includes(candidate) && !taken.has(candidate));
    if (free !== undefined) standIns.set(character, free);
  };
  for (const space of SPACES_OF_PYTHON) choose(space, SPACES_OF_BOTH);
  choose(BYTE_ORDER_MARK, NONCHARACTERS);
  const replace = (text: string, from: 0 | 1): string => {
    let replaced = text;
    for (const pair of standIns) replaced = replaced.replaceAll(pair[from], pair[1 - from]!);
    return replaced;
  };
  return { value: mapStrings(value, (text) => replace(text, 0)), restore: (text) => replace(text, 1) };
}
