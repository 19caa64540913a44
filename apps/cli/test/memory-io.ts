import type { CliIo } from '../src/io.js';
import { runCli } from '../src/run.js';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly stdin?: string | AsyncIterable<Uint8Array | string>;
  readonly env?: CliIo['env'];
  readonly signal?: AbortSignal;
  /** Called with every piece of standard output as it is written. */
  readonly onStdout?: (chunk: string) => void;
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

/** Runs a command in this process with streams in memory. */
export async function pocketlens(args: readonly string[], surroundings: Surroundings = {}): Promise<Result> {
  let stdout = '';
  let stderr = '';
  const { stdin = '', env = {}, signal = new AbortController().signal, onStdout } = surroundings;
  const text = (chunk: string | Uint8Array): string =>
    typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
  const code = await runCli(args, {
    stdin: typeof stdin === 'string' ? oneChunk(stdin) : stdin,
    stdout: {
      write: (chunk) => {
        stdout += text(chunk);
        onStdout?.(text(chunk));
        return true;
      },
      once: () => {},
    },
    stderr: { write: (chunk) => ((stderr += text(chunk)), true), once: () => {} },
    env,
    signal,
  });
  return { code, stdout, stderr };
}

/** The JSON lines of an output. */
export function jsonLines(output: string): unknown[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
