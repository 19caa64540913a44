import { describe, expect, it } from 'vitest';
import { jsonLines, pocketlens } from '../test/memory-io.js';
import { commandNames } from './program.js';

describe('wrong usage', () => {
  it('names the nearest command and exits with 2', async () => {
    const { code, stdout, stderr } = await pocketlens(['asc', 'x.png']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe("error: unknown command 'asc'\n       Did you mean ask?\n");
  });

  it('names the nearest option', async () => {
    const { code, stderr } = await pocketlens(['slice', '--jsn', 'x.png']);
    expect(code).toBe(2);
    expect(stderr).toContain('--json');
  });

  it.each([
    ['a missing argument', ['slice']],
    ['a missing option', ['ask', 'x.png']],
    ['a number out of range', ['ask', 'x.png', '-p', 'x', '--max-new-tokens', '0']],
    ['an unknown dtype', ['convert', 'a', 'b', '--dtype', 'fp7']],
    ['words that are no ids', ['detokenize', 'x']],
    ['an argument beside --jsonl', ['tokenize', '--jsonl', 'x']],
  ])('%s exits with 2 and one line', async (_, args) => {
    const { code, stdout, stderr } = await pocketlens(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: .+\n(?: {7}.+\n)?$/);
  });

  it('is one JSON object on stdout with --json', async () => {
    const { code, stdout } = await pocketlens(['slice', '--json']);
    expect(code).toBe(2);
    expect(jsonLines(stdout)).toEqual([{ error: expect.objectContaining({ code: 'USAGE' }) }]);
  });
});

describe('help', () => {
  it.each(commandNames)('%s --help prints and exits with 0', async (name) => {
    const { code, stdout, stderr } = await pocketlens([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: pocketlens ${name}`);
    expect(stderr).toBe('');
  });

  it('without a command lists them', async () => {
    const { code, stdout } = await pocketlens(['--help']);
    expect(code).toBe(0);
    for (const name of commandNames) expect(stdout).toContain(`  ${name} `);
    expect(stdout).toContain('Exit status');
  });

  it('prints the version', async () => {
    expect(await pocketlens(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe('an interrupt', () => {
  it('exits with 130 without a word', async () => {
    const signal = AbortSignal.abort(new Error('interrupted'));
    const lines = '{"text":"a"}\n';
    expect(await pocketlens(['tokenize', '--jsonl'], { stdin: lines, signal })).toEqual({
      code: 130,
      stdout: '',
      stderr: '',
    });
  });
});
