import { CliError } from './errors.js';
import type { CliIo } from './io.js';
import { untilAborted, write } from './io.js';

const MAX_LINE_CHARACTERS = 64 * 1024 * 1024;
const FLUSH_AT_CHARACTERS = 64 * 1024;

/** Lines of a byte stream, cut at "\n" only: JSON strings may hold U+2028, at which readline would cut. */
export async function* readLines(input: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8');
  // Pieces of the line that has not ended: joined once, because looking through them at every chunk would be quadratic.
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of input) {
    const [end = '', ...lines] = (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })).split(
      '\n',
    );
    pieces.push(end);
    length += end.length;
    const next = lines.pop();
    if (next !== undefined) {
      yield pieces.join('');
      yield* lines;
      pieces = [next];
      length = next.length;
    }
    if (length > MAX_LINE_CHARACTERS) {
      throw new CliError(
        'LINE_TOO_LONG',
        `Expected lines of at most ${MAX_LINE_CHARACTERS} characters on standard input`,
      );
    }
  }
  const rest = pieces.join('') + decoder.decode();
  if (rest !== '') yield rest;
}

function parseObject(line: string, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new CliError('JSON_LINE', `Line ${number} of standard input is not JSON`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CliError('JSON_LINE', `Expected a JSON object on line ${number} of standard input`);
  }
  return value as Record<string, unknown>;
}

/**
 * Answers every JSON line of stdin with one JSON line on stdout, holding only the current line in memory.
 * An error names the line; the lines before it have been answered.
 */
export async function mapJsonLines(
  { stdin, stdout, signal }: CliIo,
  answer: (value: Record<string, unknown>, line: number) => unknown,
): Promise<void> {
  let pending = '';
  let number = 0;
  try {
    for await (const line of readLines(untilAborted(stdin, signal))) {
      number += 1;
      if (line.trim() === '') continue;
      pending += `${JSON.stringify(answer(parseObject(line, number), number))}\n`;
      if (pending.length < FLUSH_AT_CHARACTERS) continue;
      await write(stdout, pending);
      pending = '';
    }
  } finally {
    if (pending !== '') await write(stdout, pending);
  }
}

/** All of standard input as text. */
export async function readText(input: AsyncIterable<Uint8Array | string>): Promise<string> {
  const decoder = new TextDecoder('utf-8');
  let text = '';
  for await (const chunk of input) text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
