import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const NAME = 'sample-engine';

describe('nx g @pocketlens/nx:backend', () => {
  let workspace: string;

  const run = (bin: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [path.join(root, 'node_modules', bin), ...args], {
      cwd: workspace,
      env: { ...process.env, NX_DAEMON: 'false', NX_WORKSPACE_ROOT_PATH: workspace, NO_COLOR: '1' },
      maxBuffer: 2 ** 26,
    });
  const generate = (name: string): Promise<unknown> => run('nx/dist/bin/nx.js', 'g', '@pocketlens/nx:backend', name);
  const read = (file: string): Promise<string> => readFile(path.join(workspace, file), 'utf8');

  beforeAll(async () => {
    workspace = await mkdtemp(path.join(tmpdir(), 'pocketlens-nx-'));
    for (const file of ['package.json', 'nx.json', 'tsconfig.json', 'tsconfig.base.json', 'vitest.config.ts']) {
      await cp(path.join(root, file), path.join(workspace, file));
    }
    await symlink(path.join(root, 'node_modules'), path.join(workspace, 'node_modules'));
    // The packages themselves, not a copy: only what is generated is new.
    for (const group of ['packages', 'apps', 'tools']) {
      await mkdir(path.join(workspace, group));
      for (const name of await readdir(path.join(root, group))) {
        await symlink(path.join(root, group, name), path.join(workspace, group, name));
      }
    }
    await generate(NAME);
  }, 300_000);

  afterAll(() => rm(workspace, { recursive: true, force: true }));

  it('makes a package, a changeset and a reference', async () => {
    expect(JSON.parse(await read(`packages/backend-${NAME}/package.json`))).toMatchObject({
      name: `@pocketlens/backend-${NAME}`,
      nx: { tags: ['scope:adapter', 'platform:node'] },
    });
    expect(await read(`.changeset/backend-${NAME}-first.md`)).toContain(`"@pocketlens/backend-${NAME}": minor`);
    expect(JSON.parse(await read('tsconfig.json'))).toMatchObject({
      references: expect.arrayContaining([{ path: `packages/backend-${NAME}` }]),
    });
    expect(await read(`packages/backend-${NAME}/README.md`)).toContain('import { sampleEngine } from');
  });

  it('refuses a name that is taken, and one that is none', async () => {
    await expect(generate(NAME)).rejects.toMatchObject({ stderr: expect.stringContaining('exists') });
    await expect(generate('No Name')).rejects.toThrow(/nx\.js/);
  }, 120_000);

  it('compiles', async () => {
    const options = ['-p', `packages/backend-${NAME}`, '--noEmit', '--composite', 'false', '--pretty', 'false'];
    const compiled = run('@typescript/native/bin/tsc', ...options).catch((error: { stdout: string }) => error);
    expect((await compiled).stdout).toBe('');
  }, 120_000);

  it('passes the suite that it is wired to', async () => {
    const suite = run('vitest/vitest.mjs', 'run', '--project', `backend-${NAME}`, '--reporter', 'verbose');
    const { stdout, stderr } = await suite.catch((error: { stdout: string; stderr: string }) => error);
    expect(stderr).toBe('');
    expect(stdout).toContain('prefill of n ids equals n single steps');
    expect(stdout).toMatch(/Test Files\s+1 passed/);
    expect(stdout).toMatch(/\| end to end \| 1 passed \|/);
  }, 600_000);
});
