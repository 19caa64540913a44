import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const EVALUATION = 'packages/evaluation';
const BENCHMARKS = `${EVALUATION}/src/benchmarks`;

describe('nx g @pocketlens/nx:benchmark', () => {
  let workspace: string;

  const run = (bin: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [path.join(root, 'node_modules', bin), ...args], {
      cwd: workspace,
      env: { ...process.env, NX_DAEMON: 'false', NX_WORKSPACE_ROOT_PATH: workspace, NO_COLOR: '1' },
      maxBuffer: 2 ** 26,
    });
  const generate = (name: string): Promise<unknown> => run('nx/dist/bin/nx.js', 'g', '@pocketlens/nx:benchmark', name);
  const read = (file: string): Promise<string> => readFile(path.join(workspace, file), 'utf8');

  beforeAll(async () => {
    workspace = await mkdtemp(path.join(tmpdir(), 'pocketlens-nx-benchmark-'));
    for (const file of ['package.json', 'nx.json', 'tsconfig.json', 'tsconfig.base.json', 'vitest.config.ts']) {
      await cp(path.join(root, file), path.join(workspace, file));
    }
    await symlink(path.join(root, 'node_modules'), path.join(workspace, 'node_modules'));
    for (const group of ['packages', 'apps', 'tools']) {
      await mkdir(path.join(workspace, group));
      for (const name of await readdir(path.join(root, group))) {
        const folder = path.join(group, name);
        // The generator writes into this package, so here it is a copy.
        if (folder !== EVALUATION) await symlink(path.join(root, folder), path.join(workspace, folder));
      }
    }
    await mkdir(path.join(workspace, EVALUATION));
    for (const part of ['package.json', 'tsconfig.json', 'src', 'pocketread']) {
      await cp(path.join(root, EVALUATION, part), path.join(workspace, EVALUATION, part), { recursive: true });
    }
    await generate('street-signs');
  }, 300_000);

  afterAll(() => rm(workspace, { recursive: true, force: true }));

  it('makes a file, a test, a changeset and a line in the registry', async () => {
    const made = (await readdir(path.join(workspace, BENCHMARKS))).filter((name) => name.startsWith('street'));
    expect(made.sort()).toEqual(['street-signs.test.ts', 'street-signs.ts']);
    expect(await read(`${BENCHMARKS}/street-signs.ts`)).toContain("name: 'StreetSigns'");
    expect(await read(`${BENCHMARKS}/registry.ts`)).toMatch(/objectHalBench,\n {2}streetSigns,\n\];/);
    expect(await read('.changeset/evaluation-street-signs.md')).toContain('"@pocketlens/evaluation": minor');
  });

  it('refuses a name that is taken, and one that is none', async () => {
    await expect(generate('mmmu')).rejects.toMatchObject({ stderr: expect.stringContaining('exists') as unknown });
    await expect(generate('No Name')).rejects.toThrow(/nx\.js/);
  }, 120_000);

  it('compiles, and passes its test', async () => {
    const options = ['-p', EVALUATION, '--noEmit', '--composite', 'false', '--pretty', 'false'];
    const compiled = run('@typescript/native/bin/tsc', ...options).catch((error: { stdout: string }) => error);
    expect((await compiled).stdout).toBe('');
    const test = `${BENCHMARKS}/street-signs.test.ts`;
    const suite = run('vitest/vitest.mjs', 'run', test, '--project', 'evaluation', '--reporter', 'verbose');
    const { stdout, stderr } = await suite.catch((error: { stdout: string; stderr: string }) => error);
    expect(stderr).toBe('');
    expect(stdout).toContain('is loaded, asked, scored and summed up');
    expect(stdout).toMatch(/Tests\s+1 passed/);
  }, 300_000);
});
