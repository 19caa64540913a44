import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { generatedFolder, root, writeExamples } from './examples.js';

const examples = writeExamples();

describe('README examples', () => {
  const startedIn = process.cwd();
  beforeEach(() => process.chdir(root));
  afterEach(() => {
    process.chdir(startedIn);
    vi.restoreAllMocks();
  });

  it('are there', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  it('type-check', async () => {
    const config = path.join(generatedFolder, 'tsconfig.json');
    writeFileSync(config, JSON.stringify({ extends: '../../../tsconfig.test.json', include: ['*.ts'], exclude: [] }));
    const compiler = path.join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
    const run = promisify(execFile)(process.execPath, [compiler, '-p', config, '--pretty', 'false']);
    const output = await run.then(
      ({ stdout }) => stdout,
      (error: { stdout?: string }) => error.stdout ?? String(error),
    );
    expect(output).toBe('');
  });

  it.each(examples)('$name runs and prints', async ({ file }) => {
    const printed: unknown[] = [];
    const record = (...values: unknown[]): void => void printed.push(...values);
    vi.spyOn(console, 'log').mockImplementation(record);
    vi.spyOn(console, 'table').mockImplementation(record);
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => (record(chunk), true));
    await import(/* @vite-ignore */ file);
    vi.restoreAllMocks();
    expect(printed.length).toBeGreaterThan(0);
  });
});
