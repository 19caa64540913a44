import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { golden } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

async function goldenLines(name: string): Promise<Record<string, unknown>[]> {
  return jsonLines(await readFile(path.join(golden, 'tokenizer', name), 'utf8')) as Record<string, unknown>[];
}

const toLines = (values: readonly object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');

describe('tokenize', () => {
  it('--jsonl gives the golden ids', async () => {
    const cases = await goldenLines('encode.jsonl');
    const stdin = toLines(cases.flatMap(({ text }) => [{ text }, { text, bos: true }]));
    const { code, stdout } = await pocketlens(['tokenize', '--jsonl'], { stdin });
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual(cases.flatMap(({ ids, ids_with_bos: withBos }) => [{ ids }, { ids: withBos }]));
  });

  it('--jsonl reads special tokens as a line asks', async () => {
    const cases = await goldenLines('special.jsonl');
    const named = ['<|eot_id|>', '<|start_header_id|>'];
    const stdin = toLines(cases.flatMap(({ text }) => [{ text }, { text, special: true }, { text, special: named }]));
    const { stdout } = await pocketlens(['tokenize', '--jsonl'], { stdin });
    expect(jsonLines(stdout)).toEqual(
      cases.flatMap((one) => [
        { ids: one['ids_plain'] },
        { ids: one['ids_all'] },
        { ids: one['ids_allow_eot_and_start_header'] },
      ]),
    );
  });

  it('takes an argument or standard input', async () => {
    expect((await pocketlens(['tokenize', 'Hello world'])).stdout).toBe('9906 1917\n');
    expect((await pocketlens(['tokenize', '--json'], { stdin: 'Hello world' })).stdout).toBe('{"ids":[9906,1917]}\n');
    expect((await pocketlens(['tokenize', '--bos', '--special', '<|eot_id|>'])).stdout).toBe('128000 128009\n');
    expect((await pocketlens(['tokenize', ''])).stdout).toBe('\n');
  });

  it('names the bad line, after answering those before it', async () => {
    const { code, stdout, stderr } = await pocketlens(['tokenize', '--jsonl'], {
      stdin: '{"text":"a"}\nnonsense\n{"text":"b"}\n',
    });
    expect(code).toBe(1);
    expect(stdout).toBe('{"ids":[64]}\n');
    expect(stderr).toBe('error: Line 2 of standard input is not JSON\n');
  });
});

describe('detokenize', () => {
  it('--jsonl gives the golden texts', async () => {
    const cases = await goldenLines('decode.jsonl');
    const { code, stdout } = await pocketlens(['detokenize', '--jsonl'], {
      stdin: toLines(cases.map(({ ids }) => ({ ids }))),
    });
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual(cases.map(({ text }) => ({ text })));
  });

  it('reads ids as tokenize prints them', async () => {
    expect((await pocketlens(['detokenize', '9906', '1917'])).stdout).toBe('Hello world\n');
    expect((await pocketlens(['detokenize', '--json'], { stdin: '[9906, 1917, 128009]' })).stdout).toBe(
      '{"text":"Hello world<|eot_id|>"}\n',
    );
    expect((await pocketlens(['detokenize', '--skip-special'], { stdin: '9906 128009' })).stdout).toBe('Hello\n');
  });

  it('refuses an id that no token has', async () => {
    const { code, stderr } = await pocketlens(['detokenize', '999999']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('999999');
  });
});
