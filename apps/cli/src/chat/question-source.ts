import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type CliIo, untilAborted } from '../io.js';
import { readLines } from '../jsonl.js';
import type { Interrupts } from './interrupts.js';

/** Where the lines of a conversation come from. */
export interface QuestionSource {
  readonly isInteractive: boolean;
  /** Shows that a line is awaited. */
  prompt(): void;
  readonly lines: AsyncIterable<string>;
  close(): void;
}

/** Lines typed at a terminal, with editing and a history; else the lines of standard input. */
export function openQuestions(io: CliIo, interrupts: Interrupts): QuestionSource {
  const { stdin, stdout } = io;
  if (stdin.isTTY === true && stdin instanceof Readable) {
    const output = stdout as unknown as NodeJS.WritableStream; // A terminal's input comes with a terminal's output.
    const reader = createInterface({ input: stdin, output, prompt: '> ', historySize: 1000 });
    // In raw mode Ctrl-C is a key like any other, and no signal.
    reader.on('SIGINT', () => interrupts.press());
    const lines = untilAborted(reader, interrupts.left);
    return { isInteractive: true, prompt: () => reader.prompt(), lines, close: () => reader.close() };
  }
  const lines = readLines(untilAborted(stdin, interrupts.left));
  return { isInteractive: false, prompt: () => {}, lines, close: () => {} };
}
