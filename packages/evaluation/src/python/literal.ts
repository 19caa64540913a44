import { parsePythonFloat, parsePythonInteger, pythonFloatText } from './number.js';

/** A Python literal: lists and tuples are told apart because only a list counts as several answers. */
export type PythonLiteral =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'number'; readonly text: string }
  | { readonly type: 'name'; readonly text: 'True' | 'False' | 'None' }
  | { readonly type: 'list' | 'tuple'; readonly items: readonly PythonLiteral[] };

/**
 * The items of a Python list literal, each as `str(item)`; undefined when the text is anything else.
 * Both kinds of quotes, prefixes, escapes and adjacent strings are read; expressions are not evaluated.
 */
export function parsePythonList(text: string): string[] | undefined {
  const literal = new LiteralReader(text).readAll();
  return literal?.type === 'list' ? literal.items.map(literalText) : undefined;
}

/** The items of a cell that may hold a Python list literal; any other text is its own single item. */
export function listItems(text: string): string[] {
  return parsePythonList(text) ?? [text];
}

function literalText(literal: PythonLiteral): string {
  return literal.type === 'text' ? literal.value : representation(literal);
}

function representation(literal: PythonLiteral): string {
  if (literal.type === 'text') return quoted(literal.value);
  if (literal.type === 'number' || literal.type === 'name') return literal.text;
  const items = literal.items.map(representation).join(', ');
  if (literal.type === 'list') return `[${items}]`;
  return literal.items.length === 1 ? `(${items},)` : `(${items})`;
}

function quoted(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const HEX_ESCAPES: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function numberLiteral(text: string): PythonLiteral | undefined {
  const integer = parsePythonInteger(text);
  if (integer !== undefined) {
    // Python refuses leading zeros on a number other than zero.
    return /^[+-]?0[\d_]*[1-9]/.test(text) ? undefined : { type: 'number', text: String(integer) };
  }
  const float = parsePythonFloat(text);
  return float === undefined ? undefined : { type: 'number', text: pythonFloatText(float) };
}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readAll(): PythonLiteral | undefined {
    const literal = this.#value();
    this.#skip();
    return this.#at === this.#text.length ? literal : undefined;
  }

  #skip(): void {
    while (/[ \t\n\r\f]/.test(this.#text.charAt(this.#at))) this.#at += 1;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #value(): PythonLiteral | undefined {
    this.#skip();
    const next = this.#text.charAt(this.#at);
    if (next === '[') return this.#sequence(']');
    if (next === '(') return this.#sequence(')');
    const name = this.#take(/(?:True|False|None)(?!\w)/y);
    if (name !== undefined) return { type: 'name', text: name as 'True' | 'False' | 'None' };
    return this.#number() ?? this.#strings();
  }

  #sequence(close: ']' | ')'): PythonLiteral | undefined {
    this.#at += 1;
    const items: PythonLiteral[] = [];
    let hasComma = false;
    for (;;) {
      this.#skip();
      if (this.#text.charAt(this.#at) === close) break;
      if (items.length > 0 && !hasComma) return undefined;
      const item = this.#value();
      if (!item) return undefined;
      items.push(item);
      this.#skip();
      hasComma = this.#text.charAt(this.#at) === ',';
      if (hasComma) this.#at += 1;
    }
    this.#at += 1;
    if (close === ']') return { type: 'list', items };
    // A single item in parentheses is the item itself; a tuple needs its comma.
    return items.length === 1 && !hasComma ? items[0] : { type: 'tuple', items };
  }

  #number(): PythonLiteral | undefined {
    const start = this.#at;
    const text = this.#take(/[+-]?[ \t\n\r\f]*(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?(?![\w.])/y);
    const literal = text === undefined ? undefined : numberLiteral(text.replaceAll(/[ \t\n\r\f]/g, ''));
    if (!literal) this.#at = start;
    return literal;
  }

  #strings(): PythonLiteral | undefined {
    let value: string | undefined;
    for (;;) {
      const part = this.#string();
      if (part === undefined) break;
      value = (value ?? '') + part;
      this.#skip();
    }
    return value === undefined ? undefined : { type: 'text', value };
  }

  #string(): string | undefined {
    const start = this.#at;
    const open = this.#take(/(?:[rRuU]?)(?:'''|"""|'|")/y);
    if (open === undefined) return undefined;
    const isRaw = /^[rR]/.test(open);
    const quote = open.replace(/^[a-zA-Z]/, '');
    let value = '';
    while (this.#at < this.#text.length) {
      if (this.#text.startsWith(quote, this.#at)) {
        this.#at += quote.length;
        return value;
      }
      const next = this.#text.charAt(this.#at);
      if (next === '\n' && quote.length === 1) break;
      if (next === '\\') value += isRaw ? this.#rawEscape() : this.#escape();
      else {
        value += next;
        this.#at += 1;
      }
    }
    this.#at = start;
    return undefined;
  }

  #rawEscape(): string {
    this.#at += 2;
    return this.#text.slice(this.#at - 2, this.#at);
  }

  #escape(): string {
    const next = this.#text.charAt(this.#at + 1);
    const octal = this.#take(/\\[0-7]{1,3}/y);
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal.slice(1), 8));
    const width = HEX_ESCAPES[next];
    const digits = width === undefined ? '' : this.#text.slice(this.#at + 2, this.#at + 2 + width);
    this.#at += 2;
    if (width !== undefined && /^[0-9a-fA-F]+$/.test(digits) && digits.length === width) {
      this.#at += width;
      return String.fromCodePoint(Number.parseInt(digits, 16));
    }
    // An escape that Python does not know keeps its backslash.
    return SIMPLE_ESCAPES[next] ?? `\\${next}`;
  }
}
