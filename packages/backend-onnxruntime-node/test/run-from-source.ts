import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const packageFolder = new URL('../', import.meta.url);

/** Runs a program of its own that has this package's exports as `backend`; returns what it prints. */
export async function runProgram(code: string, nodeOptions: readonly string[] = []): Promise<string> {
  const program = `
    import { register } from 'node:module';
    register('../../tools/source-hooks.mjs', ${JSON.stringify(packageFolder.href)});
    const backend = await import(${JSON.stringify(new URL('src/index.ts', packageFolder).href)});
    ${code}`;
  const args = [...nodeOptions, '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: fileURLToPath(packageFolder),
    timeout: 60_000,
  });
  return stdout;
}
