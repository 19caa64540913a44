import { codePoints } from './text.js';

const DECIMAL_DIGIT = /\p{Nd}/u;
const DECIMAL_DIGIT_BEYOND_ASCII = /(?![0-9])\p{Nd}/u;
// Unlike str.strip, the number parsers do not take U+001C..U+001F for white space.
const SPACE = '[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const SPACE_BEFORE = new RegExp(`^${SPACE}+`, 'u');
const SPACE_AFTER = new RegExp(`(?<!${SPACE})${SPACE}+$`, 'u');
const FLOAT = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;
const NAMED = /^([+-]?)(inf|infinity|nan)$/i;
const INTEGER = /^[+-]?\d+(?:_\d+)*$/;

/**
 * `float(text)` of Python, or undefined where it raises ValueError.
 * Takes white space around, any Unicode decimal digit, single underscores between digits, `inf`, `infinity`, `nan`.
 */
export function parsePythonFloat(text: string): number | undefined {
  const plain = asciiDigits(text.replace(SPACE_BEFORE, '').replace(SPACE_AFTER, ''));
  const named = NAMED.exec(plain);
  if (named) {
    if (named[2]!.toLowerCase() === 'nan') return Number.NaN;
    return named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return FLOAT.test(plain) ? Number(plain.replaceAll('_', '')) : undefined;
}

/** `int(text)` of Python, or undefined where it raises ValueError. Any size. */
export function parsePythonInteger(text: string): bigint | undefined {
  const plain = asciiDigits(text.replace(SPACE_BEFORE, '').replace(SPACE_AFTER, ''));
  if (!INTEGER.test(plain)) return undefined;
  const digits = plain.replaceAll('_', '');
  return digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits.replace('+', ''));
}

/** `str(value)` of a Python float: shortest digits that read back, exponent below 1e-4 and from 1e16. */
export function pythonFloatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
    const digits = exponent.slice(1).padStart(2, '0');
    return `${mantissa}e${exponent.charAt(0)}${digits}`;
  }
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}

// Digits of one script stand in unbroken runs of ten from zero to nine, but neighbouring runs may touch (the
// mathematical digits), so the value is the distance to the start of the run, modulo ten.
function asciiDigits(text: string): string {
  if (!DECIMAL_DIGIT_BEYOND_ASCII.test(text)) return text;
  let out = '';
  for (const point of codePoints(text)) {
    const character = String.fromCodePoint(point);
    out += point > 0x7f && DECIMAL_DIGIT.test(character) ? String(digitValue(point)) : character;
  }
  return out;
}

function digitValue(point: number): number {
  let distance = 0;
  while (DECIMAL_DIGIT.test(String.fromCodePoint(point - distance - 1))) distance += 1;
  return distance % 10;
}
