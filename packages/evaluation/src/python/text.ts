// Python's idea of white space (str.split, str.strip): JavaScript's adds U+FEFF and lacks U+001C..U+001F and U+0085.
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${SPACE}+`, 'u');
const RUNS = new RegExp(`${SPACE}+`, 'u');
const ONE = new RegExp(SPACE, 'u');

/** The character class of Python white space, for use inside a larger regular expression with the `u` flag. */
export const PYTHON_SPACE: string = SPACE;

/** `text.strip()`: removes white space at both ends, by Python's definition of it. */
export function strip(text: string): string {
  const start = LEADING.exec(text)?.[0].length ?? 0;
  let end = text.length;
  while (end > start && ONE.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** `text.split()`: the runs of characters between white space, by Python's definition of it. */
export function splitWords(text: string): string[] {
  const stripped = strip(text);
  return stripped === '' ? [] : stripped.split(RUNS);
}

/** `text.strip(characters)`: removes any of the given characters (each one UTF-16 unit) at both ends. */
export function stripCharacters(text: string, characters: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && characters.includes(text.charAt(start))) start += 1;
  while (end > start && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** `len(text)`: the number of code points, not of UTF-16 units. */
export function codePointLength(text: string): number {
  let length = text.length;
  for (let index = 0; index + 1 < text.length; index += 1) {
    if (isSurrogatePair(text, index)) {
      length -= 1;
      index += 1;
    }
  }
  return length;
}

/** The code points of a text, in order. */
export function codePoints(text: string): Uint32Array {
  const points = new Uint32Array(codePointLength(text));
  let at = 0;
  for (let index = 0; index < text.length; at += 1) {
    points[at] = text.codePointAt(index)!;
    index += isSurrogatePair(text, index) ? 2 : 1;
  }
  return points;
}

function isSurrogatePair(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
}
